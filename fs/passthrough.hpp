// Tally of the files that the kernel has open: which of them it reads by itself, from files of the cache.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "cache/read_side.hpp"
#include "fs/attributes.hpp"

namespace btfs {

/// The kernel's name for a file on disk that it may read in place of a file of the mount. Positive.
using BackingId = std::int32_t;

/// The kernel's list of such files. Called from any thread; does not wait.
class BackingFiles {
  public:
    virtual ~BackingFiles() = default;
    /// Adds an open file, which may be closed then. A system error if the kernel refuses it.
    virtual Result<BackingId> add(int descriptor) = 0;
    virtual void remove(BackingId id) = 0;
};

/// Decides for each file, when it is opened first, whether the kernel reads it by itself, and holds its lease
/// and its entry in the kernel's list until it has been released as often as it was opened. All opens of a
/// file that overlap are of one kind, as the kernel demands: it fails others with EIO. A file that is
/// completed while it is open is passed through once it has been released. The kernel ends an open before it
/// sends RELEASE, so that the tally never says less than the kernel holds.
///
/// Called from any thread. Destroyed before the stores whose files it has leased.
class Passthrough {
  public:
    /// Leases the file on disk that has the bytes of the file that is opened; null: there is none.
    using LeaseFile = std::function<std::unique_ptr<DataLease>()>;

    /// `kernel` outlives this.
    explicit Passthrough(BackingFiles& kernel) : kernel_(kernel) {}
    Passthrough(const Passthrough&) = delete;
    Passthrough& operator=(const Passthrough&) = delete;

    /// Called before the first open, if the kernel can do it. Until then no file is passed through.
    void enable() { enabled_ = true; }

    /// OPEN is about to be answered: with this, or as usual. end() follows, once.
    std::optional<BackingId> begin(NodeId node, const LeaseFile& lease);
    /// The kernel has closed the file, or has not taken the answer to OPEN.
    void end(NodeId node);

    /// Files that the kernel reads by itself at this moment.
    std::size_t passed_through() const;

  private:
    struct Backing {
        std::unique_ptr<DataLease> lease;
        BackingId id = 0;
    };
    struct Opens {
        std::uint64_t count = 0;
        std::optional<Backing> backing;  ///< nothing: we are asked for each read
    };

    std::optional<BackingId> join(NodeId node, std::optional<Backing>& backing);
    std::optional<Backing> back(NodeId node, const LeaseFile& lease);
    void drop(Backing& backing);

    BackingFiles& kernel_;
    std::atomic<bool> enabled_ = false;
    std::atomic<bool> refused_ = false;  ///< the kernel has refused a file, so it will refuse others
    mutable std::mutex mutex_;
    std::unordered_map<NodeId, Opens> opens_;  // guarded by mutex_
};

}  // namespace btfs
