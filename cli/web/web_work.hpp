// WebWork: threads that may wait for the disk, and bounds of memory, shared by the web server's connections.
#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>

namespace btfs::cli {

/// From any thread.
class WebWork {
  public:
    static constexpr std::size_t kThreads = 2;
    /// Bodies of more than kSmallBody bytes are read so many at a time.
    static constexpr int kMaxLargeBodies = 4;
    static constexpr std::size_t kSmallBody = std::size_t{64} << 10;
    /// Pages that are told of changes, each of which keeps what it was told of each torrent.
    static constexpr int kMaxListeners = 16;

    WebWork() : pool_(kThreads) {}

    boost::asio::thread_pool& pool() { return pool_; }

    /// One of a bounded number of rights; ends with the object.
    class Right {
      public:
        Right(std::atomic<int>& count, int most) : count_(count), granted_(count.fetch_add(1) < most) {}
        ~Right() { --count_; }
        Right(const Right&) = delete;
        Right& operator=(const Right&) = delete;

        bool granted() const { return granted_; }

      private:
        std::atomic<int>& count_;
        const bool granted_;
    };
    /// The right to read one large body.
    struct LargeBody : Right {
        explicit LargeBody(WebWork& work) : Right(work.large_bodies_, kMaxLargeBodies) {}
    };
    /// The right to be told of changes.
    struct Listener : Right {
        explicit Listener(WebWork& work) : Right(work.listeners_, kMaxListeners) {}
    };

  private:
    std::atomic<int> large_bodies_ = 0, listeners_ = 0;
    boost::asio::thread_pool pool_;
};

}  // namespace btfs::cli
