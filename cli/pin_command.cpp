#include <boost/json.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_lookup.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/human_size.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

std::uint64_t number(const boost::json::object& answer, std::string_view key) {
    const auto* const value = answer.if_contains(key);
    return value != nullptr && value->is_number() ? value->to_number<std::uint64_t>() : 0;
}

}  // namespace

int pin(const PinOptions& options) {
    for (const fs::path& path : options.paths) {
        const InMount place = locate(path);
        const boost::json::object answer =
            ask(place.socket, {{"command", options.unpin ? "unpin" : "pin"}, {"path", place.path}});
        const std::uint64_t files = number(answer, "files"), pinned = number(answer, "pinned");
        std::cout << path.string() << ": " << (options.unpin ? "unpinned " : "pinned ") << files
                  << (files == 1 ? " file, " : " files, ") << human_size(number(answer, "bytes")) << '\n';
        const auto* const room = answer.if_contains("room");
        if (!options.unpin && room != nullptr && room->is_number() && pinned > number(answer, "room"))
            std::cerr << "btfs: " << human_size(pinned) << " are pinned, and the cache keeps "
                      << human_size(number(answer, "room"))
                      << " of pins; mount with a larger --cache-size to keep all\n";
    }
    return kSuccess;
}

}  // namespace btfs::cli
