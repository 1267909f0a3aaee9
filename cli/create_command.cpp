#include <iostream>

#include "cli/commands.hpp"
#include "cli/content_tree.hpp"
#include "cli/exit_codes.hpp"
#include "cli/failure.hpp"
#include "cli/torrent_file.hpp"

namespace btfs::cli {

int create(const CreateOptions& options) {
    const std::uint64_t size = options.piece_size;
    const bool power_of_two = (size & (size - 1)) == 0;
    if (size != 0 && (!power_of_two || size < kMinCreatedPieceLength || size > kMaxPieceLength))
        throw Failure("the piece size has to be a power of two from 16K to 512M");
    const MadeTorrent made = make_torrent(options);
    write_file(options.output, made.torrent);
    std::cout << options.output.string() << '\n';
    return kSuccess;
}

}  // namespace btfs::cli
