// `btfs add`: adds torrents to a running mount.
#include <boost/json.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/control/answer.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_lookup.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/sources/sources.hpp"
#include "cli/sources/torrent_url.hpp"
#include "cli/text/base64.hpp"
#include "cli/text/one_line.hpp"
#include "engine/core/bytes.hpp"

namespace btfs::cli {
namespace {

using Json = boost::json::object;

Json request_for(const Bytes& content, const AddOptions& options) {
    Json request{{"command", "add"}, {"label", options.label}, {"pin", options.pin}};
    const std::string_view text = as_text(content);
    if (looks_like_magnet(text) || looks_like_url(text))
        request["link"] = text;
    else
        request["file"] = to_base64(content);
    return request;
}

void print(const Json& answer) {
    const std::string name = one_line(text_in(answer, "name")), info_hash = text_in(answer, "info_hash");
    std::cout << (flag_in(answer, "was_there") ? "there already: " : "added: ") << name;
    if (!info_hash.empty() && info_hash != name) std::cout << " (" << info_hash << ')';
    std::cout << '\n';
    if (const std::string warning = text_in(answer, "warning"); !warning.empty())
        std::cerr << "btfs: " << name << ": " << one_line(warning) << '\n';
}

}  // namespace

int add(const AddOptions& options) {
    const std::filesystem::path socket = socket_of(options.mountpoint);
    int exit_code = kSuccess;
    for (const SourceWord& word : settle_words(options.sources)) {
        for (const SourceWord& single : each_of(word)) {
            try {
                print(ask(socket, request_for(content_of(single), options)));
            } catch (const Failure& failure) {
                std::cerr << "btfs: " << one_line(single.text) << ": " << failure.what() << '\n';
                exit_code = kFailure;
            }
        }
    }
    return exit_code;
}

}  // namespace btfs::cli
