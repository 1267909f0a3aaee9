#include "engine/net/udp_mux.hpp"

#include <boost/asio/buffer.hpp>

#include "engine/net/asio_endpoint.hpp"
#include "engine/utp/packet.hpp"

namespace btfs::net {

using boost::asio::ip::udp;

void UdpMux::open(std::uint16_t port) {
    port_ = port;
    for (AddressFamily family : {AddressFamily::v4, AddressFamily::v6}) (void)open(family);
}

std::uint16_t UdpMux::port() const {
    for (const auto& opened : open_)
        if (opened) return opened->local_endpoint().port();
    return 0;
}

Error UdpMux::open(AddressFamily family) {
    if (socket(family)) return {};
    auto opened = sockets_.udp(family, port_);
    if (!opened) opened = sockets_.udp(family, 0);
    if (!opened) return opened.error();
    socket(family) = std::move(*opened);
    buffer_.resize(kMaxDatagram);
    wait(family);
    return {};
}

Error UdpMux::send(const Endpoint& to, ByteView datagram) {
    if (Error error = open(to.address.family())) return error;
    Error error;
    socket(to.address.family())
        ->send_to(boost::asio::buffer(datagram.data(), datagram.size()), to_asio<udp>(to), 0, error);
    return error;
}

UdpMux::Subscription UdpMux::subscribe(const Endpoint& from, std::uint32_t transaction, Receive receive) {
    const Awaited awaited{from, transaction, next_};
    awaited_.emplace(next_, awaited);
    subscribers_.emplace(awaited, std::move(receive));
    return next_++;
}

void UdpMux::unsubscribe(Subscription subscription) {
    if (const auto awaited = awaited_.extract(subscription)) subscribers_.erase(awaited.mapped());
}

void UdpMux::wait(AddressFamily family) {
    socket(family)->async_wait(udp::socket::wait_read, [this, family](Error error) {
        if (error || !socket(family)) return;
        receive_all(*socket(family));
        if (socket(family)) wait(family);
    });
}

void UdpMux::receive_all(Socket& from_socket) {
    for (int i = 0; i < kDatagramsPerTurn; ++i) {
        udp::endpoint sender;
        Error error;
        const std::size_t size = from_socket.receive_from(boost::asio::buffer(buffer_), sender, 0, error);
        if (error == boost::asio::error::would_block) return;
        if (error) continue;  // ICMP's answer to a datagram sent before
        const Endpoint from = from_asio_endpoint(sender);
        const ByteView datagram = ByteView(buffer_).first(size);
        if (size > 0 && datagram[0] == std::byte{'d'}) {
            if (krpc_) krpc_(from, datagram);
            continue;
        }
        if (!deliver(from, datagram)) answer_stranger(from, datagram);
    }
}

/// False if nobody waits for the transaction that it names behind its first four bytes.
bool UdpMux::deliver(const Endpoint& from, ByteView datagram) {
    ByteReader in(datagram);
    in.u32();
    const std::uint32_t transaction = in.u32();
    const auto found = subscribers_.lower_bound({from, transaction, 0});
    if (!in.ok() || found == subscribers_.end()) return false;
    if (found->first.from != from || found->first.transaction != transaction) return false;
    const Receive receive = found->second;  // it may unsubscribe meanwhile
    receive(datagram);
    return true;
}

void UdpMux::answer_stranger(const Endpoint& from, ByteView datagram) {
    // Answers a uTP SYN with a reset, so that the peer turns to TCP. We do not dial the sender in return: its
    // address may be forged, and our handshake would tell the forger which torrents we have.
    if (const auto refusal = utp::refusal_of(datagram)) (void)send(from, *refusal);
}

}  // namespace btfs::net
