// Takes incoming connections for all torrents and finds out which one each is for.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/core/hash.hpp"
#include "engine/net/socket_factory.hpp"
#include "engine/net/stream.hpp"

namespace btfs::net {

/// Listens on one port, IPv4 and IPv6. A connection is handed on when the peer has said which torrent it
/// wants, with the bytes it has sent until then; those that say nothing useful in time are closed, and at
/// most kMaxPending wait at once. On the engine thread.
class Listener {
  public:
    static constexpr std::size_t kMaxPending = 128;
    static constexpr std::uint16_t kDefaultPort = 6881;

    /// Gets each connection; drops it to refuse.
    using Route =
        std::function<void(const Sha1Digest& info_hash, std::unique_ptr<Stream>, ByteView received)>;

    Listener(SocketFactory& sockets, Route route);
    ~Listener();

    /// A port that was asked for is taken or it is an error; without one the first free port from
    /// kDefaultPort on is used.
    Result<void> open(std::uint16_t wanted_port);
    std::uint16_t port() const { return port_; }
    void close();

  private:
    struct Pending;

    Error bind(std::uint16_t port);
    void accept(std::size_t acceptor);
    void wait(std::uint64_t id);
    void read(std::uint64_t id);

    SocketFactory& sockets_;
    Route route_;
    std::uint16_t port_ = 0;
    std::vector<boost::asio::ip::tcp::acceptor> acceptors_;
    std::map<std::uint64_t, std::unique_ptr<Pending>> pending_;
    std::uint64_t next_id_ = 0;
};

}  // namespace btfs::net
