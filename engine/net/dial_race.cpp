#include "engine/net/dial_race.hpp"

#include <boost/asio/io_context.hpp>
#include <utility>

#include "engine/log/log.hpp"
#include "engine/net/connector.hpp"
#include "engine/net/encrypted_stream.hpp"

namespace btfs::net {

DialRace::DialRace(Connector& connector, const Endpoint& to, Encryption encryption, Done done)
    : connector_(connector),
      to_(to),
      encryption_(std::move(encryption)),
      done_(std::move(done)),
      timer_(connector.io()) {}

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
    Runner& starting = runner(transport);
    starting.runs = true;
    auto on_dialled = [this, transport](Result<StreamDial::Dialled> result) {
        const std::unique_ptr<StreamDial> ended = std::move(runner(transport).dial);
        if (!result) return on_failed(transport, result.error());
        if (transport == Transport::tcp) has_tcp_connected_ = true;
        on_connected(transport, std::move(*result));
    };
    starting.dial = connector_.dial(transport, to_, std::move(on_dialled), punch_);
}

void DialRace::start_other() {
    if (const auto other = std::exchange(other_, std::nullopt)) start(*other);
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

void DialRace::on_connected(Transport transport, StreamDial::Dialled stream) {
    Runner& connected = runner(transport);
    connected.dialled.emplace(Dialled{std::move(stream)});
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
