// Listener that accepts peers for all torrents and hands each to the torrent that it asks for.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/core/hash.hpp"
#include "engine/core/time.hpp"
#include "engine/mse/handshake.hpp"
#include "engine/net/host_shares.hpp"
#include "engine/net/socket_factory.hpp"
#include "engine/net/stream.hpp"

namespace btfs::net {

/// Listens on one port, IPv4 and IPv6, and takes connections that other transports have accepted. A
/// connection is handed on when it is known which torrent it is for (wire::IncomingHandshake), with the bytes
/// so far. One that has not said so kPatience after it was accepted is closed, however it dribbles.
/// At most kMaxPending wait, kMaxPendingOfHost of them from one host; beyond, the oldest of the host that has
/// most is closed for the new one. On the engine thread.
class Listener {
  public:
    static constexpr std::size_t kMaxPending = 128;
    static constexpr std::size_t kMaxPendingOfHost = 16;
    static constexpr Duration kPatience = std::chrono::seconds(10);
    static constexpr std::uint16_t kDefaultPort = 6881;

    struct Limits {
        std::size_t pending = kMaxPending;
        std::size_t pending_of_host = kMaxPendingOfHost;
        Duration patience = kPatience;
    };

    struct Arrival {
        Sha1Digest info_hash;
        /// Enciphers by itself, if that was agreed on.
        std::unique_ptr<Stream> stream;
        /// Bytes that came with the handshake, deciphered; they are the first ones for the session.
        Bytes received;
        /// The peer has encrypted the handshake at least.
        bool encrypted;
    };
    /// Gets each connection; drops it to refuse.
    using Route = std::function<void(Arrival)>;

    /// Kinds of connections that are taken, and the torrents that encrypted ones may be for.
    struct Rules {
        Encryption encryption = Encryption::allow;
        mse::FindTorrent find = [](const Sha1Digest&) { return std::nullopt; };
        /// False: TCP connections are closed; others may be taken.
        bool tcp = true;
    };

    Listener(SocketFactory& sockets, Route route, Rules rules);
    Listener(SocketFactory& sockets, Route route, Rules rules, const Limits& limits);
    ~Listener();

    /// Asked of each connection that is accepted: one that is refused is closed before anything is sent or
    /// read. Without it none is.
    void set_refusal(std::function<bool(const Address&)> refuses) { refuses_ = std::move(refuses); }
    /// Closes the connections of pending() that are refused now. To be called when the refusal has changed.
    void drop_refused();
    /// A port that was asked for is taken or it is an error; without one the first free port from
    /// kDefaultPort on is used.
    Result<void> open(std::uint16_t wanted_port);
    std::uint16_t port() const { return port_; }
    void close();
    /// Takes a connection that has been accepted, whatever carries it. It counts as one of pending().
    void take(std::unique_ptr<Stream> stream);
    /// Connections that have not said yet which torrent they want.
    std::size_t pending() const { return pending_.size(); }

  private:
    struct Pending;

    Error bind(std::uint16_t port);
    void accept(std::size_t acceptor);
    void take(boost::asio::ip::tcp::socket socket);
    void drop(std::uint64_t id);
    void on_greeted(std::uint64_t id, Error error);

    SocketFactory& sockets_;
    Route route_;
    const Rules rules_;
    std::function<bool(const Address&)> refuses_;
    const Limits limits_;
    std::uint16_t port_ = 0;
    std::vector<boost::asio::ip::tcp::acceptor> acceptors_;
    std::map<std::uint64_t, std::unique_ptr<Pending>> pending_;
    HostShares shares_;  ///< of pending_
    std::uint64_t next_id_ = 0;
};

}  // namespace btfs::net
