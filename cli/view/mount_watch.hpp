// MountWatch: asks a mount for its status again and again, and for changes, on a thread of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/view/mount_state.hpp"
#include "cli/view/view_action.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

/// Keys and drawing wait for nothing: a mount of 10,000 torrents takes some time to tell of them all. Asking
/// takes at most a tenth of the time, however short the interval is.
class MountWatch {
  public:
    /// `socket`: of the mount.
    MountWatch(const std::filesystem::path& socket, Duration interval);
    /// Does not wait for an answer that is under way.
    ~MountWatch();
    MountWatch(const MountWatch&) = delete;
    MountWatch& operator=(const MountWatch&) = delete;

    /// Asks for the details of this torrent from now on, at once if it is another one; empty: of none.
    void want_details(std::string torrent);

    /// Has the mount carry out a change, after those that wait already, and asks for its status at once then.
    /// Returns false, and does nothing, if kMostActions wait: the mount does not answer.
    bool carry_out(ViewAction action);
    static constexpr std::size_t kMostActions = 16;

    /// Becomes readable when there is something to take.
    int event() const;
    struct Update {
        std::optional<MountState> mount;
        /// Of the wanted torrent; nothing inside: the mount does not know it.
        std::optional<std::optional<DetailsState>> details;
        /// Of each change that was asked for since; `error` is empty if it succeeded.
        struct Outcome {
            ViewAction action;
            std::string error;
        };
        std::vector<Outcome> outcomes;
        std::string failure;  ///< the mount has ended, and is not asked again; empty: it has not
    };
    Update take();

  private:
    struct Shared;
    static void run(const std::shared_ptr<Shared>& shared);

    const std::shared_ptr<Shared> shared_;  ///< with the thread, which may wait for an answer at the end
};

}  // namespace btfs::cli
