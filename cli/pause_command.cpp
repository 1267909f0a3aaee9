// `btfs pause` and `btfs resume`.
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/control/answer.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_lookup.hpp"
#include "cli/process/each_word.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/one_line.hpp"

namespace btfs::cli {
namespace {

/// Returns the mount and the torrent that a path leads into; the mountpoint itself means all torrents.
InMount torrent_with(const std::string& path) {
    InMount place = locate(path);
    std::string& name = place.path;
    name.erase(0, name.find_first_not_of('/'));
    name.erase(std::min(name.size(), name.find('/')));
    return place;
}

}  // namespace

int pause(const PauseOptions& options) {
    return each_word(options.torrents, [&](const std::string& word) {
        if (word.empty()) throw Failure("an empty word names no torrent; a mountpoint stands for all");
        const InMount torrent =
            is_path(word) ? torrent_with(word) : InMount{socket_of(options.mountpoint), word};
        boost::json::object request{{"command", options.paused ? "pause" : "resume"}};
        if (torrent.path.empty()) {
            request["all"] = true;
        } else {
            request["torrent"] = torrent.path;
        }
        const auto answer = ask(torrent.socket, request);
        const std::uint64_t changed = number_in(answer, "changed");
        const std::string state = options.paused ? "paused" : "resumed";
        std::cout << (changed == 0 ? "no change" : state) << ": " << one_line(word);
        if (changed > 1) std::cout << ", " << changed << " torrents";
        std::cout << '\n';
    });
}

}  // namespace btfs::cli
