// The engine's word on its torrents, for threads that must not wait for it.
#pragma once

#include <memory>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {

/// Asks the engine when somebody wants to know, and at most a few times a second; nobody asks, nothing is
/// done. From any thread.
class EngineStatus {
  public:
    using Snapshot = std::shared_ptr<const std::vector<TorrentStatus>>;  ///< by handle

    /// What is no older is not asked for anew.
    static constexpr Duration kFresh = 250ms;
    /// For the engine thread, not for any network; an engine that is busier than that is shown as it was.
    static constexpr Duration kPatience = 80ms;

    /// The engine outlives this.
    explicit EngineStatus(Engine& engine);

    /// Waits for kPatience at most. Never null; torrents that were added since are missing.
    Snapshot get();

  private:
    struct Shared;

    Engine& engine_;
    const std::shared_ptr<Shared> shared_;  ///< with the engine, whose answer may come late
};

}  // namespace btfs::cli
