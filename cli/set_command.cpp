// `btfs set`: changes labels and limits of torrents in a running mount.
#include <boost/json.hpp>
#include <cmath>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/control/answer.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_lookup.hpp"
#include "cli/process/each_word.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/labels.hpp"
#include "cli/text/one_line.hpp"

namespace btfs::cli {
namespace {

using Json = boost::json::object;

template <class Number>
void put_limit(Json& request, const char* key, const NewLimit<Number>& limit) {
    if (!limit) return;
    request[key] = *limit ? boost::json::value(**limit) : boost::json::value(nullptr);
}

/// Returns the request without its torrent. Throws Failure if it would change nothing.
Json request_for(const SetOptions& options) {
    Json request{{"command", "set"}};
    if (!options.labels.empty()) request["label"] = label_text(options.labels);
    put_limit(request, "download_limit", options.download_limit);
    put_limit(request, "upload_limit", options.upload_limit);
    put_limit(request, "max_peers", options.max_peers);
    put_limit(request, "seed_ratio", options.seed_ratio);
    if (options.seed_ratio && *options.seed_ratio && std::isinf(**options.seed_ratio))
        request["seed_ratio"] = "none";  // JSON has no infinity
    if (request.size() == 1) throw Failure("nothing to set; give --label or a limit");
    return request;
}

}  // namespace

int set(const SetOptions& options) {
    Json request = request_for(options);
    return each_word(options.torrents, [&](const std::string& word) {
        const InMount torrent = torrent_named(word, options.mountpoint);
        request["torrent"] = torrent.path;
        std::cout << "set: " << one_line(text_in(ask(torrent.socket, request), "name")) << '\n';
    });
}

}  // namespace btfs::cli
