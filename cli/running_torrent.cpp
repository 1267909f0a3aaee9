#include "cli/running_torrent.hpp"

#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>

#include "cli/control/answer.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_lookup.hpp"
#include "cli/process/failure.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

/// Of one mount.
constexpr std::chrono::milliseconds kLookUpPatience{2000};

std::optional<RunningTorrent> ask_for(const KernelMount& mount, const fs::path& socket,
                                      const std::string& key) {
    try {
        const boost::json::object answer =
            ask(socket, {{"command", "torrent"}, {"torrent", key}}, kLookUpPatience);
        if (!text_in(answer, "error").empty()) return std::nullopt;
        const auto* const files = answer.if_contains("files");
        std::error_code error;
        RunningTorrent torrent{mount, socket, key, text_in(answer, "name"), text_in(answer, "state")};
        torrent.is_shown = files != nullptr && files->is_array() && !files->get_array().empty() &&
                           fs::exists(torrent.path(), error);
        return torrent;
    } catch (const Failure&) {  // it has none
        return std::nullopt;
    }
}

}  // namespace

std::optional<RunningTorrent> find_running(const std::string& key, const fs::path& but_not) {
    for (const KernelMount& mount : mounts_of_btfs(geteuid())) {
        if (mount.root != "/" || mount.mountpoint == but_not) continue;
        const auto socket = find_socket(mount);
        if (!socket) continue;
        if (auto torrent = ask_for(mount, *socket, key)) return torrent;
    }
    return std::nullopt;
}

std::optional<RunningTorrent> look_again(const RunningTorrent& torrent) {
    return ask_for(torrent.mount, torrent.socket, torrent.key);
}

std::optional<std::string> only_info_hash(const fs::path& mountpoint) {
    const auto mount = find_mount(mountpoint);
    const auto socket = mount ? find_socket(*mount) : std::nullopt;
    if (!socket) return std::nullopt;
    try {
        const boost::json::object answer = ask(*socket, {{"command", "list"}}, kLookUpPatience);
        const boost::json::array& torrents = answer.at("torrents").as_array();
        if (torrents.size() != 1) return std::nullopt;
        const std::string info_hash = text_in(torrents.front().as_object(), "info_hash");
        return info_hash.empty() ? std::nullopt : std::optional(info_hash);
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

}  // namespace btfs::cli
