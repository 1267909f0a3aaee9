// Names of files that were taken from .btfs/add, for the programs that wrote them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "engine/core/time.hpp"
#include "fs/attributes.hpp"

namespace btfs {

/// Lets a program find the file that it has just closed, and that was taken: copiers set mode, owner and
/// times by name then. Each name lasts kLifetime, and only for the process that gave it, so that all others
/// may make a file of that name at once. Its node lasts twice as long, for a request that follows a lookup.
/// From any thread.
class TakenNames {
  public:
    static constexpr std::chrono::seconds kLifetime{5};
    /// Names that are kept; the oldest go first.
    static constexpr std::size_t kMaxNames = 256;

    using Now = std::function<TimePoint()>;
    struct Name {
        NodeId node;
        std::string name;
        std::size_t size;   ///< of the file when it was taken
        std::int64_t made;  ///< seconds since 1970
        pid_t process;      ///< 0: it cannot be seen
    };

    explicit TakenNames(Now now) : now_(std::move(now)) {}

    /// Adds a name, in place of an earlier one of the same process or of the same node.
    void add(Name name);
    /// Nothing if the name is not there, or is another process's.
    std::optional<Name> find(std::string_view name, pid_t process) const;
    std::optional<Name> find(NodeId node) const;
    void forget(NodeId node);

  private:
    struct Kept {
        Name name;
        TimePoint since;
    };

    const Now now_;
    mutable std::mutex mutex_;  // guards what follows
    std::deque<Kept> names_;    ///< the newest last
};

}  // namespace btfs
