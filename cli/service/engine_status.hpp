// The state of the engine's torrents, for threads that must not wait for the engine long.
#pragma once

#include <memory>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {

/// Asks the engine when somebody wants to know. One question is under way at a time, and its answer serves
/// all who came before it was asked, so that many readers cost little more than one. From any thread.
class EngineStatus {
  public:
    using Snapshot = std::shared_ptr<const TorrentStatuses>;

    /// For the engine thread, not for any network; an engine that is busier than that is shown as it was.
    static constexpr Duration kPatience = 80ms;

    /// The engine outlives this.
    explicit EngineStatus(Engine& engine, Duration patience = kPatience);

    /// Returns a status taken after this call, or an older one if the engine does not answer within the
    /// patience. Never null.
    Snapshot get();
    /// Returns the newest status that is here, and asks nobody. Never null.
    Snapshot last() const;

  private:
    struct Shared;

    Engine& engine_;
    const Duration patience_;
    const std::shared_ptr<Shared> shared_;  ///< with the engine, whose answer may come late
};

}  // namespace btfs::cli
