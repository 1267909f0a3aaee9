// Queue of torrents that each have a turn of the engine thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <set>
#include <utility>

#include "engine/session/engine.hpp"

namespace btfs {

/// Does something for one torrent after the other, in the order of their handles. Between two of them all
/// other events of the engine thread have their turn, so a reader does not wait until thousands of torrents
/// have, for example, announced themselves. Engine thread.
class TorrentTurns {
  public:
    /// `take_turn` is called once for each torrent that is added.
    TorrentTurns(boost::asio::io_context& io, std::function<void(TorrentHandle)> take_turn)
        : io_(io), take_turn_(std::move(take_turn)) {}

    void add(TorrentHandle torrent) {
        waiting_.insert(torrent);
        post_next();
    }

    /// The torrent has its turn at once, if it still waits.
    void hurry(TorrentHandle torrent) {
        if (waiting_.erase(torrent) > 0) take_turn_(torrent);
    }

    /// The torrent has no turn any more, if it still waits.
    void remove(TorrentHandle torrent) { waiting_.erase(torrent); }

    /// None that waits has its turn.
    void clear() { waiting_.clear(); }

  private:
    void post_next() {
        if (std::exchange(posted_, true)) return;
        boost::asio::post(io_, [this] {
            posted_ = false;
            if (waiting_.empty()) return;
            hurry(*waiting_.begin());
            if (!waiting_.empty()) post_next();
        });
    }

    boost::asio::io_context& io_;
    std::function<void(TorrentHandle)> take_turn_;
    std::set<TorrentHandle> waiting_;
    bool posted_ = false;
};

}  // namespace btfs
