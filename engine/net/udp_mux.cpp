#include "engine/net/udp_mux.hpp"

#include <algorithm>
#include <utility>

#include "engine/utp/packet.hpp"

namespace btfs::net {

using boost::asio::ip::udp;

UdpMux::Opened::Opened(DatagramSocket::Socket opened, AddressFamily family,
                       std::function<DatagramSocket::Turn()> turn)
    : socket(std::move(opened), std::move(turn)), sender(socket.handle(), family) {}

UdpMux::UdpMux(SocketFactory& sockets, UdpRelay* relay) : sockets_(sockets), relay_(relay) {}

void UdpMux::open(std::uint16_t port) {
    if (relay_) return relay_->start(*this);
    port_ = port;
    for (AddressFamily family : {AddressFamily::v4, AddressFamily::v6}) (void)open(family);
}

std::uint16_t UdpMux::port() const {
    for (const auto& opened : open_)
        if (opened) return opened->socket.port();
    return 0;
}

Error UdpMux::open(AddressFamily family) {
    if (opened(family)) return {};
    auto socket = sockets_.udp(family, port_);
    if (!socket) socket = sockets_.udp(family, 0);
    if (!socket) return socket.error();
    prepare_datagram_socket(socket->native_handle(), family);
    Error error;
    if (socket->local_endpoint(error).address().is_unspecified())
        tell_destinations(socket->native_handle(), family);
    if (!receiver_) receiver_.emplace();
    opened(family).emplace(std::move(*socket), family, [this, family] { return take_turn(*opened(family)); });
    return {};
}

Error UdpMux::send(const Endpoint& to, ByteView datagram, const Address& from) {
    if (relay_) {
        const Error error = relay_->add(to, datagram, Cutting::allowed);
        relay_->flush();
        return error;
    }
    if (Error error = open(to.address.family())) return error;
    return send_datagram(opened(to.address.family())->socket.handle(), to, datagram, from);
}

void UdpMux::send_utp(const Endpoint& to, ByteView datagram, Cutting cutting, const Address& from) {
    if (relay_) return (void)relay_->add(to, datagram, cutting);
    if (!open(to.address.family())) opened(to.address.family())->sender.add(to, datagram, cutting, from);
}

void UdpMux::flush_utp() {
    if (relay_) return relay_->flush();
    for (AddressFamily family : {AddressFamily::v4, AddressFamily::v6})
        if (auto& here = opened(family)) {
            here->sender.flush();
            if (!here->sender.has_room()) wait_writable(*here);
        }
}

bool UdpMux::utp_has_room() const {
    if (relay_) return relay_->has_room();
    for (const auto& opened : open_)
        if (opened && !opened->sender.has_room()) return false;
    return true;
}

UdpMux::Subscription UdpMux::subscribe(const Endpoint& from, std::uint32_t transaction, Receive receive) {
    // The proxy does not tell which name a datagram comes from.
    const Awaited awaited{from.address.is_reserved() ? Endpoint() : from, transaction, next_};
    awaited_.emplace(next_, awaited);
    subscribers_.emplace(awaited, std::move(receive));
    return next_++;
}

void UdpMux::unsubscribe(Subscription subscription) {
    if (const auto awaited = awaited_.extract(subscription)) subscribers_.erase(awaited.mapped());
}

void UdpMux::wait_writable(Opened& here) {
    here.socket.when_writable([this, &here] {
        here.sender.handle_writable();
        if (!here.sender.has_room()) return wait_writable(here);
        if (utp_ && utp_has_room()) utp_->on_writable();
    });
}

DatagramSocket::Turn UdpMux::take_turn(const Opened& here) {
    DatagramSocket::Turn turn;
    for (std::size_t messages = 0; messages < kDatagramsPerTurn && !turn.drained;) {
        const auto batch = receiver_->receive(here.socket.handle(), kDatagramsPerTurn - messages);
        // An error counts as a message: each costs a call.
        messages += std::max<std::size_t>(batch.messages, 1);
        for (const auto& datagram : batch.datagrams) dispatch(datagram);
        if (utp_) {
            for (const Endpoint& to : batch.unreachable) utp_->on_unreachable(to);
            utp_->on_turn_ended();
        }
        turn.any |= batch.messages > 0;
        turn.drained = batch.drained;
    }
    return turn;
}

void UdpMux::on_relayed(std::span<const ReceivedDatagram> datagrams) {
    for (const auto& datagram : datagrams) dispatch(datagram);
    if (utp_) utp_->on_turn_ended();
}

void UdpMux::on_relay_writable() {
    if (utp_) utp_->on_writable();
}

void UdpMux::on_relay_opened() {
    if (relay_opened_) relay_opened_();
}

void UdpMux::dispatch(const ReceivedDatagram& datagram) {
    const ByteView bytes = datagram.bytes;
    if (!bytes.empty() && bytes[0] == std::byte{'d'}) {
        if (krpc_) krpc_(datagram);
        return;
    }
    if (utp_ && utp::PacketHeader::parse(bytes)) {  // a tracker's reply begins with a zero
        utp_->on_utp(datagram);
        return;
    }
    if (!deliver(datagram.from, bytes)) answer_stranger(datagram);
}

/// False if nobody waits for the transaction that it names behind its first four bytes.
bool UdpMux::deliver(const Endpoint& from, ByteView datagram) {
    ByteReader in(datagram);
    in.u32();
    const std::uint32_t transaction = in.u32();
    if (!in.ok()) return false;
    return deliver_as(from, transaction, datagram) || (relay_ && deliver_as({}, transaction, datagram));
}

bool UdpMux::deliver_as(const Endpoint& from, std::uint32_t transaction, ByteView datagram) {
    const auto found = subscribers_.lower_bound({from, transaction, 0});
    if (found == subscribers_.end()) return false;
    if (found->first.from != from || found->first.transaction != transaction) return false;
    const Receive receive = found->second;  // it may unsubscribe meanwhile
    receive(datagram);
    return true;
}

void UdpMux::answer_stranger(const ReceivedDatagram& datagram) {
    // Answers a uTP SYN with a reset, so that the peer turns to TCP. We do not dial the sender in return: its
    // address may be forged, and our handshake would tell the forger which torrents we have.
    if (const auto refusal = utp::refusal_of(datagram.bytes))
        (void)send(datagram.from, *refusal, datagram.to);
}

}  // namespace btfs::net
