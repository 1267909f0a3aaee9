// What the connections of the web server share: threads that may wait for the disk, and a bound of memory.
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

    WebWork() : pool_(kThreads) {}

    boost::asio::thread_pool& pool() { return pool_; }

    /// The right to read one large body; ends with the object.
    class LargeBody {
      public:
        explicit LargeBody(WebWork& work)
            : work_(work), granted_(work.large_bodies_.fetch_add(1) < kMaxLargeBodies) {}
        ~LargeBody() { --work_.large_bodies_; }
        LargeBody(const LargeBody&) = delete;
        LargeBody& operator=(const LargeBody&) = delete;

        bool granted() const { return granted_; }

      private:
        WebWork& work_;
        const bool granted_;
    };

  private:
    boost::asio::thread_pool pool_;
    std::atomic<int> large_bodies_ = 0;
};

}  // namespace btfs::cli
