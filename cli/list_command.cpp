// `btfs ls`: lists the torrents of a running mount.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/control/answer.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_lookup.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/text/human_size.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/table.hpp"

namespace btfs::cli {
namespace {

using Json = boost::json::object;

std::string shown(const Json& torrent, std::string_view key) {
    return one_line(text_in(torrent, key));
}

std::string share_had(const Json& torrent) {
    const std::uint64_t size = number_in(torrent, "size");
    if (size == 0) return "-";
    return fmt::format("{}%", static_cast<int>(100.0 * static_cast<double>(number_in(torrent, "had")) /
                                               static_cast<double>(size)));
}

Row row_of(const Json& torrent) {
    const std::uint64_t size = number_in(torrent, "size");
    return {size == 0 ? "-" : human_size(size),
            share_had(torrent),
            fmt::format("{}", number_in(torrent, "peers")),
            human_size(number_in(torrent, "down")) + "/s",
            human_size(number_in(torrent, "up")) + "/s",
            shown(torrent, "state"),
            shown(torrent, "label"),
            shown(torrent, "name")};
}

}  // namespace

int list(const ListOptions& options) {
    const Json answer = ask(socket_of(options.mountpoint), {{"command", "list"}});
    const boost::json::value& torrents = answer.at("torrents");
    if (options.json) {
        std::cout << boost::json::serialize(torrents) << '\n';
        return kSuccess;
    }
    if (options.names) {
        for (const boost::json::value& torrent : torrents.as_array())
            std::cout << shown(torrent.as_object(), "name") << '\n';
        return kSuccess;
    }
    std::vector<Row> rows{{"SIZE", "HAD", "PEERS", "DOWN", "UP", "STATE", "LABEL", "NAME"}};
    for (const boost::json::value& torrent : torrents.as_array()) rows.push_back(row_of(torrent.as_object()));
    std::cout << table(rows);
    return kSuccess;
}

}  // namespace btfs::cli
