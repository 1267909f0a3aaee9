#include "engine/net/connector.hpp"

#include <boost/asio/awaitable.hpp>
#include <cassert>
#include <utility>

#include "engine/net/connect_to_first.hpp"

namespace btfs::net {

Connector::Connector(boost::asio::io_context& io, Options options)
    : proxy_(options.proxy ? std::optional<Proxy>(std::in_place, io, options.binding, *options.proxy)
                           : std::nullopt),
      sockets_(proxy_ ? SocketFactory(io, SocketFactory::none) : SocketFactory(io, options.binding)),
      resolver_(sockets_, std::move(options.resolver), proxy_ ? &proxy_->stand_ins() : nullptr),
      transport_(options.transport),
      udp_(sockets_, proxy_ ? proxy_->relay() : nullptr) {
    if (uses_utp(transport_)) utp_.emplace(sockets_, udp_);
}

Awaitable<Result<std::vector<Address>>> Connector::resolve(std::string name, Families families,
                                                           Duration timeout, LookUp look_up) {
    return resolver_.resolve(std::move(name), families, timeout, look_up);
}

Awaitable<Result<Connector::Connected>> Connector::connect(Server server, TimePoint deadline) {
    auto addresses = co_await resolver_.resolve(std::move(server.host.host), server.families,
                                                deadline - Clock::now(), server.look_up);
    if (!addresses) co_return addresses.error();
    std::erase_if(*addresses,
                  [&](const Address& address) { return !http::may_reach(server.access, address); });
    if (addresses->empty()) co_return make_error_code(Errc::http_local_refused);
    if (addresses->size() > kMaxAddresses) addresses->resize(kMaxAddresses);

    const std::uint16_t port = server.host.port;
    if (!proxy_) {
        auto connected = co_await connect_to_first(sockets_, std::move(*addresses), port, deadline);
        if (!connected) co_return connected.error();
        co_return Connected{std::move(connected->socket), connected->address};
    }
    const Address address = addresses->front();
    if (server.plain_http && proxy_->url().protocol == proxy::Protocol::http) {
        auto socket = co_await proxy_->connect(deadline);
        if (!socket) co_return socket.error();
        co_return Connected{std::move(*socket), address, &proxy_->url()};
    }
    auto tunnel = co_await proxy_->open({address, port}, deadline);
    if (!tunnel) co_return tunnel.error();
    co_return Connected{std::move(tunnel->socket), address};
}

std::unique_ptr<StreamDial> Connector::dial(Transport transport, const Endpoint& to, StreamDial::Done done,
                                            bool punch) {
    assert(transport != Transport::both);
    if (transport == Transport::utp) {
        assert(utp_);
        return utp_->dial(to, std::move(done), punch);
    }
    if (proxy_) return proxy_->dial(to, std::move(done));
    auto socket = sockets_.tcp(to.address.family());
    if (!socket) return dial_in_vain(io(), socket.error(), std::move(done));
    return dial_tcp(std::move(*socket), to, std::move(done));
}

void Connector::set_ready(std::function<void()> ready) {
    if (proxy_) proxy_->set_ready(std::move(ready));
}

void Connector::handle_network_change() {
    if (proxy_) proxy_->handle_network_change();
}

bool Connector::datagrams_pass() const {
    return !proxy_ || (proxy_->relay() && proxy_->relay()->is_open());
}

}  // namespace btfs::net
