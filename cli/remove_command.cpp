// `btfs rm`: removes torrents from a running mount.
#include <boost/json.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/control/answer.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_lookup.hpp"
#include "cli/process/each_word.hpp"
#include "cli/text/one_line.hpp"

namespace btfs::cli {

int remove(const RemoveOptions& options) {
    return each_word(options.torrents, [&](const std::string& word) {
        const InMount torrent = torrent_named(word, options.mountpoint);
        const auto answer =
            ask(torrent.socket,
                {{"command", "remove"}, {"torrent", torrent.path}, {"delete_data", options.delete_data}});
        const std::string name = one_line(text_in(answer, "name")), warning = text_in(answer, "warning");
        std::cout << "removed: " << name << '\n';
        if (!warning.empty()) std::cerr << "btfs: " << name << ": " << one_line(warning) << '\n';
    });
}

}  // namespace btfs::cli
