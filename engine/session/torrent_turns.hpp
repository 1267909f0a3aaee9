// Queue of torrents that do not look for peers yet.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <set>
#include <utility>

#include "engine/session/engine.hpp"

namespace btfs {

/// Starts torrents one after the other, in the order of their handles. Between two of them all other events
/// of the engine thread have their turn, so a reader does not wait until hundreds of torrents have announced
/// themselves. Engine thread.
class StartQueue {
  public:
    /// `start` is called once for each torrent.
    StartQueue(boost::asio::io_context& io, std::function<void(TorrentHandle)> start)
        : io_(io), start_(std::move(start)) {}

    void add(TorrentHandle torrent) {
        waiting_.insert(torrent);
        post_next();
    }

    /// Starts the torrent at once, if it still waits.
    void start_now(TorrentHandle torrent) {
        if (waiting_.erase(torrent) > 0) start_(torrent);
    }

    /// None that waits is started.
    void clear() { waiting_.clear(); }

  private:
    void post_next() {
        if (std::exchange(posted_, true)) return;
        boost::asio::post(io_, [this] {
            posted_ = false;
            if (waiting_.empty()) return;
            start_now(*waiting_.begin());
            if (!waiting_.empty()) post_next();
        });
    }

    boost::asio::io_context& io_;
    std::function<void(TorrentHandle)> start_;
    std::set<TorrentHandle> waiting_;
    bool posted_ = false;
};

}  // namespace btfs
