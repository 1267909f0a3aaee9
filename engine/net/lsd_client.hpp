// Shell of local service discovery: datagrams to and from the local networks, for all torrents.
#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>

#include "engine/lsd/discovery.hpp"
#include "engine/net/multicast_socket.hpp"

namespace btfs::net {

/// A group for each address family. There are no sockets while there are no torrents. On the engine thread.
class LsdClient {
  public:
    using OnPeer = std::function<void(const Endpoint&)>;

    LsdClient(SocketFactory& sockets, std::uint64_t seed);

    /// `port` is where we listen for peers.
    void start(std::uint16_t port);
    /// Announced from now on, if it has been started; and looked out for. Not for private torrents.
    void add(const Sha1Digest& info_hash, OnPeer on_peer);
    /// Ends announcing it.
    void remove(const Sha1Digest& info_hash);
    /// Our addresses or routes are others.
    void handle_network_change();
    /// Closes the sockets.
    void stop();

  private:
    void receive(const Address& from, ByteView datagram);
    void carry_on();

    Rng rng_;
    lsd::Discovery discovery_;
    std::array<MulticastSocket, 2> groups_;  ///< IPv4, IPv6
    std::map<Sha1Digest, OnPeer> torrents_;
    boost::asio::steady_timer timer_;
    std::uint16_t port_ = 0;
    bool running_ = false;
};

}  // namespace btfs::net
