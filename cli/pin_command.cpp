#include <boost/json.hpp>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_record.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/human_size.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

/// A path in a mount of ours.
struct InMount {
    fs::path socket;
    std::string path;  ///< below the mountpoint
};

/// Throws Failure if the path leads into no mount that can be asked.
InMount locate(const fs::path& given) {
    std::error_code error;
    const fs::path path = fs::canonical(given, error);
    if (error) throw Failure(given.string() + ": " + error.message());
    for (fs::path at = path;; at = at.parent_path()) {
        if (const auto mount = find_mount(at); mount && mount->type == "fuse.btfs") {
            const auto socket = MountRecord::control_socket(*mount);
            if (!socket)
                throw Failure(at.string() + ": its process cannot be asked; it may be another user's");
            const fs::path below = path.lexically_relative(at);
            const fs::path in_mount = below == "." ? fs::path(mount->root) : fs::path(mount->root) / below;
            return {*socket, in_mount.string()};
        }
        if (at == at.parent_path()) throw Failure(given.string() + ": is in no mount of btfs");
    }
}

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
