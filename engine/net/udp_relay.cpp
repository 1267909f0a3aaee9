#include "engine/net/udp_relay.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "engine/log/log.hpp"
#include "engine/net/asio_endpoint.hpp"
#include "engine/net/proxy.hpp"
#include "engine/net/udp_mux.hpp"
#include "engine/proxy/relayed_datagram.hpp"

namespace btfs::net {
namespace asio = boost::asio;
namespace {

using asio::ip::tcp;
using asio::ip::udp;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
/// Silence of the association's connection after which the kernel asks, and how often.
constexpr int kKeepAlive_s = 30, kKeepAliveEvery_s = 10, kKeepAliveProbes = 3;

void keep_alive(tcp::socket& socket) {
    Error ignored;
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    const int fd = socket.native_handle();
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepAlive_s, sizeof kKeepAlive_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepAliveEvery_s, sizeof kKeepAliveEvery_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kKeepAliveProbes, sizeof kKeepAliveProbes);
}

}  // namespace

UdpRelay::UdpRelay(Proxy& proxy, LocalBinding binding)
    : proxy_(proxy),
      routing_(std::move(binding)),
      tasks_(proxy.sockets().io().get_executor()),
      timer_(proxy.sockets().io()) {}

void UdpRelay::start(Receiver& receiver) {
    receiver_ = &receiver;
    tasks_.spawn("UDP through the proxy", run());
}

void UdpRelay::handle_network_change() {
    if (opened_ && !is_broken(opened_->path, routing_)) return;
    hurry_ = true;  // also where a try is under way, which may go over the network of before
    timer_.cancel();
    Error ignored;
    if (opened_) opened_->control.cancel(ignored);
}

Awaitable<void> UdpRelay::run() {
    for (Duration retry = kFirstRetry;;) {
        auto association = co_await proxy_.associate(Clock::now() + kPatience);
        Error error = association ? open(association->control, association->bound) : association.error();
        tell(error);
        if (!error) {
            const TimePoint opened_at = Clock::now();
            hurry_ = false;
            receiver_->on_relay_opened();
            // The association ends with its connection, on which nothing more is said.
            std::array<std::byte, 64> ignored{};
            while (!error && !hurry_) {
                auto [ended, size] =
                    co_await association->control.async_read_some(asio::buffer(ignored), kTuple);
                error = ended;
            }
            is_open_ = false;
            opened_.reset();
            used_ = 0;
            tell(Errc::connection_closed);
            if (Clock::now() - opened_at >= kLasting) retry = kFirstRetry;
        }
        if (!hurry_) {
            timer_.expires_after(retry);
            co_await timer_.async_wait(kTuple);
            retry = std::min(2 * retry, kLongestRetry);
        }
        if (std::exchange(hurry_, false)) retry = kFirstRetry;
    }
}

/// Logs a change.
void UdpRelay::tell(Error error) {
    if (told_ == error) return;
    told_ = error;
    if (!error) return log::info("{}: the proxy relays UDP", proxy_.url().shown());
    log::warn("{}: no UDP ({}): no DHT, no uTP, no UDP trackers until that has changed", proxy_.url().shown(),
              error.message());
}

Error UdpRelay::open(tcp::socket& control, const std::optional<Endpoint>& bound) {
    if (!bound || bound->port == 0) return Errc::proxy_malformed;
    Error error;
    const auto proxy_endpoint = control.remote_endpoint(error);
    if (error) return error;
    const Endpoint relay{from_asio(proxy_endpoint.address()), bound->port};
    // The unspecified address means the proxy's own host.
    if (bound->address != relay.address && !bound->address.is_unspecified())
        log::info("{}: its relay is at {}, not at {} as it says", proxy_.url().shown(), relay.text(),
                  bound->text());
    auto socket = proxy_.sockets().udp(relay.address.family(), 0);
    if (!socket) return socket.error();
    prepare_datagram_socket(socket->native_handle(), relay.address.family());
    socket->connect(to_asio<udp>(relay), error);  // the kernel drops what others send
    if (error) return error;
    keep_alive(control);
    const Address local = from_asio(socket->local_endpoint(error).address());
    NetworkPath path{local, relay.address, routing_.route_to(relay.address)};
    opened_.emplace(std::move(*socket), relay, control, std::move(path));
    ++opening_;
    is_open_ = true;
    wait();
    return {};
}

Address UdpRelay::local() const {
    if (!opened_) return {};
    Error error;
    const auto endpoint = opened_->socket.local_endpoint(error);
    return error ? Address() : from_asio(endpoint.address());
}

Error UdpRelay::add(const Endpoint& to, ByteView payload, Cutting cutting) {
    if (!opened_) return Errc::proxy_no_udp;
    if (used_ == unsent_.size()) unsent_.emplace_back();
    Bytes& datagram = unsent_[used_];
    datagram.clear();
    if (proxy::StandIns::is_stand_in(to.address)) {
        auto name = proxy_.stand_ins().name_of(to.address);
        if (!name) return Errc::address_malformed;
        proxy::append_relay_header(datagram, HostPort{std::move(*name), to.port});
    } else {
        proxy::append_relay_header(datagram, to);
    }
    ByteWriter(datagram).bytes(payload);
    opened_->sender.add(opened_->relay, datagram, cutting);
    if (++used_ == kMaxUnsent) flush();
    return {};
}

void UdpRelay::flush() {
    if (!opened_) return;
    opened_->sender.flush();
    used_ = 0;
    if (!opened_->sender.has_room()) wait_writable();
}

void UdpRelay::wait() {
    opened_->socket.async_wait(udp::socket::wait_read, [this, number = opening_](Error error) {
        if (error || !opened_ || number != opening_) return;
        receive_all();
        if (opened_) wait();
    });
}

void UdpRelay::wait_writable() {
    if (std::exchange(opened_->waits_writable, true)) return;
    opened_->socket.async_wait(udp::socket::wait_write, [this, number = opening_](Error error) {
        if (error || !opened_ || number != opening_) return;
        opened_->waits_writable = false;
        opened_->sender.handle_writable();
        if (!opened_->sender.has_room()) return wait_writable();
        receiver_->on_relay_writable();
    });
}

void UdpRelay::receive_all() {
    for (std::size_t messages = 0; messages < UdpMux::kDatagramsPerTurn;) {
        const auto batch =
            datagrams_.receive(opened_->socket.native_handle(), UdpMux::kDatagramsPerTurn - messages);
        messages += std::max<std::size_t>(batch.messages, 1);
        parsed_.clear();
        for (const auto& datagram : batch.datagrams) {
            const auto relayed = proxy::RelayedDatagram::parse(datagram.bytes);
            if (relayed && !proxy::StandIns::is_stand_in(relayed->from.address))
                parsed_.push_back({relayed->from, {}, relayed->payload, datagram.arrived_at});
        }
        receiver_->on_relayed(parsed_);
        if (batch.drained || !opened_) return;
    }
}

}  // namespace btfs::net
