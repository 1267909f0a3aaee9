// Connector: every way out of the process, for connections and datagrams.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/host_port.hpp"
#include "engine/core/time.hpp"
#include "engine/http/local_access.hpp"
#include "engine/net/asio_fwd.hpp"
#include "engine/net/families.hpp"
#include "engine/net/local_binding.hpp"
#include "engine/net/proxy.hpp"
#include "engine/net/resolver.hpp"
#include "engine/net/socket_factory.hpp"
#include "engine/net/stream_dial.hpp"
#include "engine/net/transport.hpp"
#include "engine/net/udp_mux.hpp"
#include "engine/net/utp_streams.hpp"

namespace btfs::net {

/// Reaches hosts by name or address for all others: peers, trackers, web seeds, torrent files, the DHT. It
/// alone knows `--bind`, the proxy and which transports are in use, and owns all that opens sockets; nothing
/// else does. On the engine thread. Outlives all streams and coroutines that it gave.
class Connector {
  public:
    struct Options {
        LocalBinding binding = {};
        /// Everything goes through it. The process listens nowhere then, and no name is looked up here.
        std::optional<proxy::ProxyUrl> proxy = {};
        Transport transport = Transport::tcp;
        Resolver::Options resolver = {};
    };
    Connector(boost::asio::io_context& io, Options options);
    explicit Connector(boost::asio::io_context& io) : Connector(io, {}) {}
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;

    boost::asio::io_context& io() { return sockets_.io(); }
    /// Over which peers are dialled.
    Transport transport() const { return transport_; }

    // ---- names ----

    /// See Resolver::resolve(). With a proxy the only address is the name's stand-in, which is good for all
    /// functions here.
    Awaitable<Result<std::vector<Address>>> resolve(std::string name, Families families,
                                                    Duration timeout = 10s,
                                                    LookUp look_up = LookUp::ordinary);
    /// A reader waits for this name from now on.
    void hurry(const std::string& name, Families families) { resolver_.hurry(name, families); }

    // ---- TCP connections to servers ----

    /// Addresses of one name that are tried.
    static constexpr std::size_t kMaxAddresses = 6;

    struct Server {
        HostPort host;
        Families families = Families::both;
        LookUp look_up = LookUp::ordinary;
        /// Other addresses of the name are left out.
        http::LocalAccess access = http::LocalAccess::everything;
        /// An HTTP proxy may take the requests itself: they are for `http` URLs.
        bool plain_http = false;
    };
    struct Connected {
        boost::asio::ip::tcp::socket socket;
        Address address;  ///< of the server; behind a proxy its name's stand-in, or what the name says
        /// The HTTP proxy that the connection leads to, and that has not been told of the server.
        const proxy::ProxyUrl* asks = nullptr;
    };
    /// Looks the name up and connects as connect_to_first() does. Errors: http_local_refused if all addresses
    /// are left out; those of resolve(), connect_to_first() and Proxy::open(). The coroutine can be
    /// cancelled.
    Awaitable<Result<Connected>> connect(Server server, TimePoint deadline);

    // ---- connections to peers ----

    /// Begins to connect over one transport. `punch`: see utp::Connections::connect(); over uTP alone. uTP
    /// must be in use. Errors are told to `done`: those of the system, of Proxy::dial() and
    /// UtpStreams::dial().
    std::unique_ptr<StreamDial> dial(Transport transport, const Endpoint& to, StreamDial::Done done,
                                     bool punch = false);
    /// False while the proxy does not answer, but for a few dials that try it again.
    bool may_dial() const { return !proxy_ || proxy_->may_dial(); }
    /// Called when may_dial() has become true.
    void set_ready(std::function<void()> ready);
    /// Our addresses or routes have changed. See Proxy::handle_network_change().
    void handle_network_change();

    // ---- datagrams ----

    UdpMux& udp() { return udp_; }
    const UdpMux& udp() const { return udp_; }
    /// Null if uTP is not in use.
    UtpStreams* utp() { return utp_ ? &*utp_ : nullptr; }
    const UtpStreams* utp() const { return utp_ ? &*utp_ : nullptr; }

    // ---- the rest ----

    /// For what listens, and local networks; makes none with a proxy.
    SocketFactory& sockets() { return sockets_; }
    /// Null: everything goes directly. Any thread.
    const proxy::ProxyUrl* proxy_url() const { return proxy_ ? &proxy_->url() : nullptr; }
    /// False while a proxy does not relay datagrams. Any thread.
    bool datagrams_pass() const;

  private:
    std::optional<Proxy> proxy_;
    SocketFactory sockets_;
    Resolver resolver_;
    const Transport transport_;
    UdpMux udp_;
    std::optional<UtpStreams> utp_;
};

}  // namespace btfs::net
