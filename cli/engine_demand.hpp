// EngineDemand: passes the demand of one torrent's readers to the engine.
#pragma once

#include "engine/session/engine.hpp"
#include "fs/demand_sink.hpp"

namespace btfs::cli {

/// Called on any thread.
class EngineDemand final : public DemandSink {
  public:
    EngineDemand(Engine& engine, TorrentHandle torrent) : engine_(engine), torrent_(torrent) {}

    void set_demand(ReaderId reader, const ReaderDemand& demand) override {
        engine_.set_demand(torrent_, reader, demand);
    }
    void drop(ReaderId reader) override { engine_.drop_reader(torrent_, reader); }

  private:
    Engine& engine_;
    const TorrentHandle torrent_;
};

}  // namespace btfs::cli
