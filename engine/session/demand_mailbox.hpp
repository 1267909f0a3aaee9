// Mailbox for readers' demand, from any thread to the engine thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "engine/core/reader_demand.hpp"
#include "engine/session/engine.hpp"

namespace btfs {

/// Keeps the newest demand of each reader. However many reads come before the engine looks, it looks once.
/// Bounded by the number of readers.
class DemandMailbox {
  public:
    /// Nothing: the reader has gone.
    using Demands = std::map<std::pair<TorrentHandle, ReaderId>, std::optional<ReaderDemand>>;

    /// True if the engine thread has to be told to take(): it has not been since it last did.
    [[nodiscard]] bool put(TorrentHandle torrent, ReaderId reader, std::optional<ReaderDemand> demand) {
        std::lock_guard lock(mutex_);
        demands_[{torrent, reader}] = std::move(demand);
        return !std::exchange(told_, true);
    }

    Demands take() {
        std::lock_guard lock(mutex_);
        told_ = false;
        return std::exchange(demands_, {});
    }

  private:
    std::mutex mutex_;
    Demands demands_;    // guarded by mutex_
    bool told_ = false;  // guarded by mutex_
};

}  // namespace btfs
