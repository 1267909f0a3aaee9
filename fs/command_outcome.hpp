// Outcome of a command, for all requests that ask for it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/core/error.hpp"
#include "fs/mount_commands.hpp"

namespace btfs {

/// Answers each request that asks what became of a command: at once if that is known, else when it is. Made
/// by make_shared: a command may outlive the file that it came from. Requests that wait belong to the
/// command, and are dropped with it, as at the end of the mount. From any thread.
class CommandOutcome : public std::enable_shared_from_this<CommandOutcome> {
  public:
    /// Begins a command, in place of an earlier one. Returns what is called with its outcome, which answers
    /// `first` and those who join.
    CommandDone begin(CommandDone first);
    /// Begins a command unless there has been one: null if `request` has joined that.
    CommandDone begin_once(CommandDone request);
    /// Answers `request` as the last command was answered; with success if there was none, and with EIO if it
    /// was dropped.
    void join(CommandDone request);

  private:
    using Waiting = std::vector<CommandDone>;

    CommandDone begin_locked(CommandDone first);
    void finish(const std::shared_ptr<Waiting>& waiting, const Error& error);

    std::mutex mutex_;  // guards what follows, and the requests that wait
    bool has_begun_ = false;
    std::weak_ptr<Waiting> under_way_;  ///< owned by the command
    std::optional<Error> last_;         ///< nothing while it is not known
};

}  // namespace btfs
