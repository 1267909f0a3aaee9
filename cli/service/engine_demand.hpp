// EngineDemand: passes the demand of one torrent's readers to the cache and the engine.
#pragma once

#include "cache/torrent_store.hpp"
#include "engine/session/engine.hpp"
#include "fs/demand_sink.hpp"

namespace btfs::cli {

/// Called on any thread.
class EngineDemand final : public DemandSink {
  public:
    EngineDemand(TorrentStore& store, Engine& engine, TorrentHandle torrent)
        : store_(store), engine_(engine), torrent_(torrent) {}

    void set_demand(ReaderId reader, const ReaderDemand& demand) override {
        engine_.set_demand(torrent_, reader, store_.set_reader(reader, demand));
    }
    void keep(ReaderId reader, ByteRange range) override {
        store_.set_reader(reader, {.blocked = {}, .window = range});
    }
    void drop(ReaderId reader) override {
        store_.drop_reader(reader);
        engine_.drop_reader(torrent_, reader);
    }

  private:
    TorrentStore& store_;
    Engine& engine_;
    const TorrentHandle torrent_;
};

}  // namespace btfs::cli
