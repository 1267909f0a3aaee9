#include <iostream>

#include "cli/commands.hpp"
#include "cli/content_tree.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/sources/torrent_file.hpp"

namespace btfs::cli {

int create(const CreateOptions& options) {
    const MadeTorrent made = make_torrent(options);
    warn_of_left_out(made);
    write_file(options.output, made.torrent);
    std::cout << options.output.string() << '\n';
    return kSuccess;
}

}  // namespace btfs::cli
