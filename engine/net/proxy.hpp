// Proxy: the one way out of the process, if there is one (`--proxy`).
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/host_port.hpp"
#include "engine/core/time.hpp"
#include "engine/net/asio_fwd.hpp"
#include "engine/net/connect_to_first.hpp"
#include "engine/net/resolver.hpp"
#include "engine/net/socket_factory.hpp"
#include "engine/net/stream_dial.hpp"
#include "engine/net/udp_relay.hpp"
#include "engine/proxy/proxy_url.hpp"
#include "engine/proxy/stand_ins.hpp"

namespace btfs::net {

/// Makes TCP connections through a SOCKS5 or HTTP proxy. It alone has a SocketFactory that makes sockets:
/// that of all others makes none, so that nothing goes past it. The proxy's own name is the
/// only one that is looked up here; all other names have stand-ins. On the engine thread.
class Proxy {
  public:
    /// For the connection to the proxy and the login there, both together. Shorter than Dialer::kTimeout: a
    /// proxy that stalls has failed before the dialer gives the peer up.
    static constexpr Duration kPatience = 5s;
    /// After a failure of the proxy itself, peers are dialled again after so long, doubling.
    static constexpr Duration kFirstRetry = 1s, kLongestRetry = 30s;
    /// Dials that may be under way while the proxy has failed: they find out whether it is back.
    static constexpr std::size_t kProbes = 4;

    Proxy(boost::asio::io_context& io, LocalBinding binding, proxy::ProxyUrl url,
          Duration patience = kPatience);
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    const proxy::ProxyUrl& url() const { return url_; }
    proxy::StandIns& stand_ins() { return stand_ins_; }
    /// The factory of sockets to the proxy.
    SocketFactory& sockets() { return sockets_; }

    struct Tunnel {
        boost::asio::ip::tcp::socket socket;
        Duration took;  ///< from the request until the far side was connected
    };
    /// A connection to an address, or to the name that it stands for. Errors: those of the machines of
    /// engine/proxy, proxy_failed, address_malformed for a stand-in that was forgotten, timed_out, cancelled.
    /// The proxy outlives the coroutine, which can be cancelled.
    Awaitable<Result<Tunnel>> open(Endpoint to, TimePoint deadline);
    /// A connection to the proxy itself, for requests with absolute URLs. Errors: proxy_failed, cancelled.
    Awaitable<Result<boost::asio::ip::tcp::socket>> connect(TimePoint deadline);

    struct Association {
        boost::asio::ip::tcp::socket control;  ///< the association ends with it
        std::optional<Endpoint> bound;         ///< where the proxy says that its relay is
    };
    /// Asks a SOCKS5 proxy for a relay of datagrams. Errors: as open().
    Awaitable<Result<Association>> associate(TimePoint deadline);
    /// Null of an HTTP proxy, which carries TCP alone.
    UdpRelay* relay() { return relay_ ? &*relay_ : nullptr; }
    const UdpRelay* relay() const { return relay_ ? &*relay_ : nullptr; }
    /// Our addresses or routes have changed: a proxy that did not answer is tried again at once, and so is
    /// its relay.
    void handle_network_change();

    /// An open() on behalf of a peer. A failure of the proxy itself is told as network_unreachable, since it
    /// says nothing about the peer.
    std::unique_ptr<StreamDial> dial(const Endpoint& to, StreamDial::Done done);
    /// False while the proxy does not answer, but for kProbes dials now and then that try again.
    bool may_dial() const;
    /// Called when may_dial() has become true.
    void set_ready(std::function<void()> ready) { ready_ = std::move(ready); }

  private:
    class Dial;
    Awaitable<Result<boost::asio::ip::tcp::socket>> connect_once(TimePoint deadline);
    template <class Machine>
    Awaitable<Result<Duration>> negotiate(boost::asio::ip::tcp::socket& socket, Machine& machine,
                                          TimePoint request_by, TimePoint deadline);
    Result<HostPort> target_of(const Endpoint& to) const;
    void note(Error error);
    void arm_timer();

    SocketFactory sockets_;
    const proxy::ProxyUrl url_;
    const Duration patience_;
    Resolver resolver_;
    proxy::StandIns stand_ins_;
    std::function<void()> ready_;
    bool down_ = false;
    TimePoint retry_at_{};
    Duration retry_ = kFirstRetry;
    boost::asio::steady_timer timer_;  ///< until retry_at_
    std::size_t dials_ = 0;
    std::optional<UdpRelay> relay_;
};

/// True for errors that are the proxy's own: no destination has to do with them.
bool is_proxys_own(Error error);

}  // namespace btfs::net
