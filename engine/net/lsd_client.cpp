#include "engine/net/lsd_client.hpp"

#include <boost/asio/io_context.hpp>

#include "engine/log/log.hpp"

namespace btfs::net {

LsdClient::LsdClient(SocketFactory& sockets, std::uint64_t seed)
    : rng_(seed),
      discovery_(rng_),
      groups_{MulticastSocket(sockets, lsd::group_of(AddressFamily::v4),
                              [this](const Address& from, ByteView datagram) { receive(from, datagram); }),
              MulticastSocket(sockets, lsd::group_of(AddressFamily::v6),
                              [this](const Address& from, ByteView datagram) { receive(from, datagram); })},
      timer_(sockets.io()) {}

void LsdClient::start(std::uint16_t port) {
    port_ = port;
    running_ = true;
    carry_on();
}

void LsdClient::add(const Sha1Digest& info_hash, OnPeer on_peer) {
    torrents_[info_hash] = std::move(on_peer);
    discovery_.add(info_hash, Clock::now());
    carry_on();
}

void LsdClient::remove(const Sha1Digest& info_hash) {
    discovery_.remove(info_hash);
    torrents_.erase(info_hash);
}

void LsdClient::handle_network_change() {
    discovery_.announce_again(Clock::now());
    carry_on();
}

void LsdClient::stop() {
    running_ = false;
    timer_.cancel();
    for (MulticastSocket& group : groups_) group.close();
}

void LsdClient::receive(const Address& from, ByteView datagram) {
    const auto neighbour = discovery_.handle_datagram(from, datagram, Clock::now());
    if (!neighbour) return;
    for (const Sha1Digest& info_hash : neighbour->info_hashes) {
        log::debug("LSD: {} has {}", neighbour->endpoint.text(), info_hash.hex());
        torrents_.at(info_hash)(neighbour->endpoint);
    }
}

void LsdClient::carry_on() {
    if (!running_) return;
    if (const auto announcement = discovery_.poll_announcement(port_, Clock::now())) {
        log::debug("LSD: announcing {} torrent(s)", announcement->info_hashes.size());
        for (const auto& [group, family] :
             {std::pair(&groups_[0], AddressFamily::v4), std::pair(&groups_[1], AddressFamily::v6)})
            if (Error error = group->send(announcement->encode(family)))
                log::debug("LSD: {}: {}", lsd::group_of(family).text(), error.message());
    }
    if (discovery_.next_timeout() == kNever) return;
    timer_.expires_at(discovery_.next_timeout());
    timer_.async_wait([this](Error error) {
        if (!error) carry_on();
    });
}

}  // namespace btfs::net
