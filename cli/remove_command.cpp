// `btfs rm`: removes torrents from a running mount.
#include <boost/json.hpp>
#include <filesystem>
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

namespace fs = std::filesystem;

/// The mount and the torrent that a path leads to.
InMount torrent_at(const std::string& word) {
    InMount place = locate(word);
    std::string& name = place.path;
    name.erase(0, name.find_first_not_of('/'));
    while (name.ends_with('/')) name.pop_back();
    if (name.empty()) throw Failure(one_line(word) + ": is a mount; btfs umount ends it");
    if (name.find('/') != std::string::npos)
        throw Failure(one_line(word) + ": is a part of a torrent, which can only be removed whole");
    return place;
}

}  // namespace

int remove(const RemoveOptions& options) {
    return each_word(options.torrents, [&](const std::string& word) {
        const InMount torrent =
            is_path(word) ? torrent_at(word) : InMount{socket_of(options.mountpoint), word};
        const auto answer = ask(torrent.socket, {{"command", "remove"}, {"torrent", torrent.path}});
        const std::string name = one_line(text_in(answer, "name")), warning = text_in(answer, "warning");
        std::cout << "removed: " << name << '\n';
        if (!warning.empty()) std::cerr << "btfs: " << name << ": " << one_line(warning) << '\n';
    });
}

}  // namespace btfs::cli
