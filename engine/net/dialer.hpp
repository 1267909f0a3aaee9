// Makes outgoing connections: one dialer for all torrents of the process.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "engine/core/time.hpp"
#include "engine/net/socket_factory.hpp"
#include "engine/net/stream.hpp"

namespace btfs::net {

/// At most kMaxHalfOpen connections are being made at a time; the others wait their turn. On the engine
/// thread.
class Dialer {
  public:
    static constexpr std::size_t kMaxHalfOpen = 64;
    static constexpr Duration kTimeout = std::chrono::seconds(8);

    struct Dialled {
        std::unique_ptr<Stream> stream;
        Duration took;  ///< one round trip, when the kernel made it in one try
    };
    using Done = std::function<void(Result<Dialled>)>;

    explicit Dialer(SocketFactory& sockets);
    /// Ends all dials without calling anybody.
    ~Dialer();

    /// Calls `done` later, never from inside this call.
    void dial(const Endpoint& endpoint, Done done);

  private:
    struct Waiting {
        Endpoint endpoint;
        Done done;
    };
    struct HalfOpen;

    void start(Waiting waiting);
    void finish(std::uint64_t id, Error error);

    SocketFactory& sockets_;
    std::deque<Waiting> waiting_;
    std::map<std::uint64_t, std::unique_ptr<HalfOpen>> half_open_;
    std::uint64_t next_id_ = 0;
};

}  // namespace btfs::net
