#include "engine/net/dial_race.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "engine/log/log.hpp"
#include "engine/net/asio_endpoint.hpp"
#include "engine/net/encrypted_stream.hpp"
#include "engine/net/tcp_stream.hpp"

namespace btfs::net {

using boost::asio::ip::tcp;

DialRace::DialRace(SocketFactory& sockets, UtpStreams* utp, const Endpoint& to, Encryption encryption,
                   Done done)
    : sockets_(sockets),
      streams_(utp),
      to_(to),
      encryption_(std::move(encryption)),
      done_(std::move(done)),
      begun_(Clock::now()),
      socket_(sockets.io()),
      timer_(sockets.io()) {}

void DialRace::begin(const Course& course) {
    punch_ = course.punch;
    start(course.first);
    if (!course.other_after) return;
    other_ = course.first == Transport::tcp ? Transport::utp : Transport::tcp;
    if (*course.other_after == Duration{}) return start_other();
    timer_.expires_after(*course.other_after);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](Error error) {
        if (!error && !alive.expired()) start_other();
    });
}

void DialRace::start(Transport transport) {
    runner(transport).runs = true;
    transport == Transport::utp ? start_utp() : start_tcp();
}

void DialRace::start_other() {
    if (const auto other = std::exchange(other_, std::nullopt)) start(*other);
}

void DialRace::start_tcp() {
    if (Proxy* proxy = sockets_.proxy()) return start_tunnel(*proxy);
    auto socket = sockets_.tcp(to_.address.family());
    if (!socket) return fail_soon(Transport::tcp, socket.error());
    socket_ = std::move(*socket);
    socket_.async_connect(to_asio<tcp>(to_), [this, alive = std::weak_ptr(alive_)](Error error) {
        if (alive.expired()) return;
        if (error) return on_failed(Transport::tcp, error);
        has_tcp_connected_ = true;
        on_connected(Transport::tcp, std::make_unique<TcpStream>(std::move(socket_), to_),
                     Clock::now() - begun_);
    });
}

void DialRace::start_tunnel(Proxy& proxy) {
    tunnel_dial_ = proxy.dial(to_, [this](Result<Proxy::Tunnel> tunnel) {
        const std::unique_ptr<Proxy::Dial> ended = std::move(tunnel_dial_);
        if (!tunnel) return on_failed(Transport::tcp, tunnel.error());
        has_tcp_connected_ = true;
        auto stream = std::make_unique<TcpStream>(std::move(tunnel->socket), to_, TcpStream::Way::tunnel);
        on_connected(Transport::tcp, std::move(stream), tunnel->took);
    });
}

void DialRace::start_utp() {
    auto on_dialled = [this](Result<UtpStreams::Dialled> result) {
        const std::unique_ptr<UtpStreams::Dial> ended = std::move(utp_dial_);
        if (!result) return on_failed(Transport::utp, result.error());
        on_connected(Transport::utp, std::move(result->stream), result->took);
    };
    auto dial = streams_->dial(to_, std::move(on_dialled), punch_);
    if (!dial) return fail_soon(Transport::utp, dial.error());
    utp_dial_ = std::move(*dial);
}

void DialRace::fail_soon(Transport transport, Error error) {
    boost::asio::post(sockets_.io(), [this, alive = std::weak_ptr(alive_), transport, error] {
        if (!alive.expired()) on_failed(transport, error);
    });
}

void DialRace::on_failed(Transport transport, Error error) {
    Runner& failed = runner(transport);
    failed.runs = false;
    failed.exchange.reset();
    failed.dialled.reset();
    const bool refused = error == Errc::encryption_refused;
    // TCP tells why more surely: uTP may fail for lack of a way that only it needs.
    if (!failure_ || refused || (transport == Transport::tcp && failure_ != Errc::encryption_refused))
        failure_ = error;
    if (refused && transport == Transport::tcp) return on_tcp_refused();
    if (other_) {
        timer_.cancel();
        return start_other();
    }
    if (utp_is_ready_) return win(Transport::utp);
    if (!tcp_.runs && !utp_.runs) end(failure_);
}

/// The peer lives, and uTP would have connected by now: another manner of dialling must not wait for it.
void DialRace::on_tcp_refused() {
    timer_.cancel();
    other_.reset();
    if (utp_is_ready_) return win(Transport::utp);
    if (utp_.dialled) return;
    if (!utp_.runs) return end(failure_);
    timer_.expires_after(kTcpGrace);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](Error error) {
        if (!error && !alive.expired() && !utp_.dialled) end(failure_);
    });
}

void DialRace::on_connected(Transport transport, std::unique_ptr<Stream> stream, Duration took) {
    Runner& connected = runner(transport);
    connected.dialled.emplace(Dialled{std::move(stream), took});
    if (!encryption_) return on_ready(transport);
    mse::Initiator& initiator = connected.initiator.emplace(*encryption_);
    connected.exchange.emplace(
        *connected.dialled->stream,
        HandshakeExchange::Machine{[&initiator](ByteView bytes) { return initiator.handle_bytes(bytes); },
                                   [&initiator] { return initiator.take_output(); }},
        [this, transport](Error ended) { on_encrypted(transport, ended); });
    connected.exchange->start();
}

/// The encryption handshake over the transport has ended.
void DialRace::on_encrypted(Transport transport, Error error) {
    if (error) {
        log::debug("{}: {}", to_.text(), error.message());
        return on_failed(transport, Errc::encryption_refused);
    }
    Runner& encrypted = runner(transport);
    mse::Agreement agreement = encrypted.initiator->take_agreement();
    Dialled& dialled = *encrypted.dialled;
    dialled.received = std::move(agreement.received);
    if (agreement.ciphers)
        dialled.stream = std::make_unique<EncryptedStream>(std::move(dialled.stream), *agreement.ciphers);
    on_ready(transport);
}

void DialRace::on_ready(Transport transport) {
    if (transport == Transport::tcp || !tcp_.runs) return win(transport);
    utp_is_ready_ = true;
    timer_.expires_after(kTcpGrace);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](Error error) {
        if (!error && !alive.expired()) win(Transport::utp);
    });
}

void DialRace::win(Transport transport) {
    Dialled dialled = std::move(*runner(transport).dialled);
    end(std::move(dialled));
}

void DialRace::end(Result<Dialled> result) {
    const Done done = std::move(done_);  // it may destroy this
    done(std::move(result));
}

}  // namespace btfs::net
