// `btfs pin`, `unpin` and `prefetch`.
#include <boost/json.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/control/answer.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_lookup.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/human_size.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

/// The word that the mount is asked with, and the one that the user is told.
struct Words {
    const char* command;
    const char* done;
};

Words words_of(Fetching fetching) {
    switch (fetching) {
        case Fetching::pinned:
            return {"pin", "pinned"};
        case Fetching::unpinned:
            return {"unpin", "unpinned"};
        case Fetching::once:
            break;
    }
    return {"prefetch", "fetching"};
}

}  // namespace

int fetch(const FetchOptions& options) {
    const auto [command, done] = words_of(options.fetching);
    for (const fs::path& path : options.paths) {
        const InMount place = locate(path);
        const boost::json::object answer = ask(place.socket, {{"command", command}, {"path", place.path}});
        const std::uint64_t files = number_in(answer, "files"), pinned = number_in(answer, "pinned");
        std::cout << path.string() << ": " << done << ' ' << files << (files == 1 ? " file, " : " files, ")
                  << human_size(number_in(answer, "bytes")) << '\n';
        const auto* const room = answer.if_contains("room");
        if (options.fetching == Fetching::pinned && room != nullptr && room->is_number() &&
            pinned > number_in(answer, "room"))
            std::cerr << "btfs: " << human_size(pinned) << " are pinned, and the cache keeps "
                      << human_size(number_in(answer, "room"))
                      << " of pins; mount with a larger --cache-size to keep all\n";
    }
    return kSuccess;
}

}  // namespace btfs::cli
