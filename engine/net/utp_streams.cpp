#include "engine/net/utp_streams.hpp"

#include <sys/socket.h>

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "engine/core/secret.hpp"
#include "engine/net/asio_endpoint.hpp"

namespace btfs::net {
namespace {

Rng random_numbers() {
    std::uint64_t seed = 0;
    fill_secret(std::as_writable_bytes(std::span(&seed, 1)));
    return Rng(seed);
}

}  // namespace

/// A Stream over one utp::Connection.
class UtpStreams::UtpStream final : public Stream, private utp::User {
  public:
    UtpStream(utp::Connection& connection, Address local, Address next_host)
        : connection_(connection), local_(local), next_host_(next_host) {
        connection_.set_user(this);
    }
    ~UtpStream() override { connection_.release(); }

    Result<std::size_t> read(std::span<const iovec> into) override { return connection_.read(into); }
    Result<std::size_t> write(std::span<const iovec> from) override { return connection_.write(from); }
    /// A turn brings all that has come, so there is nothing to hold back for.
    void set_receive_low_water(std::size_t) override {}
    void acknowledge_soon() override { connection_.acknowledge_soon(); }
    std::optional<RoundTrip> round_trip() override {
        const utp::RoundTrip& trip = connection_.round_trip();
        if (!trip.known()) return std::nullopt;
        return RoundTrip{trip.latest(), trip.shortest()};
    }
    void wait_readable(Ready ready) override {
        readable_ = std::move(ready);
        connection_.wait_readable();
    }
    void wait_writable(Ready ready) override {
        writable_ = std::move(ready);
        connection_.wait_writable();
    }
    const Endpoint& remote() const override { return connection_.remote(); }
    Address local() const override { return local_; }
    Address next_host() const override { return next_host_; }
    bool is_utp() const override { return true; }

  private:
    void on_connected(Error) override {}
    // The one who waits may destroy the stream.
    void on_readable() override { std::exchange(readable_, {})(Error()); }
    void on_writable() override { std::exchange(writable_, {})(Error()); }

    utp::Connection& connection_;
    const Address local_, next_host_;
    Ready readable_, writable_;
};

UtpStreams::UtpStreams(SocketFactory& sockets, UdpMux& udp, utp::ConnectionsOptions options)
    : sockets_(sockets),
      udp_(udp),
      connections_(*this, random_numbers(), fill_secret, options),
      timer_(sockets.io()) {
    udp_.receive_utp(this);
}

UtpStreams::~UtpStreams() {
    udp_.receive_utp(nullptr);
}

void UtpStreams::accept(Accepted accepted) {
    if (!accepted) return connections_.set_accept(nullptr);
    connections_.set_accept([this, accepted = std::move(accepted)](utp::Connection& connection) {
        accepted(stream_of(connection));
    });
}

class UtpStreams::Dial final : public StreamDial, private utp::User {
  public:
    Dial(UtpStreams& streams, Done done) : streams_(streams), done_(std::move(done)) {}
    ~Dial() override {
        if (connection_) connection_->release();
    }

    Error begin(const Endpoint& to, bool punch) {
        const auto connection = streams_.connections_.connect(to, *this, Clock::now(), punch);
        if (!connection) return connection.error();
        connection_ = *connection;
        return {};
    }
    Done take_done() { return std::move(done_); }

  private:
    void on_connected(Error error) override {
        const Done done = take_done();  // it may destroy this
        if (error) return done(error);
        utp::Connection& connection = *std::exchange(connection_, nullptr);
        const Duration took = Clock::now() - began_;
        done(Dialled{streams_.stream_of(connection), took});
    }
    void on_readable() override {}
    void on_writable() override {}

    UtpStreams& streams_;
    Done done_;
    utp::Connection* connection_ = nullptr;
    const TimePoint began_ = Clock::now();
};

std::unique_ptr<StreamDial> UtpStreams::dial(const Endpoint& to, StreamDial::Done done, bool punch) {
    // Nothing tells of a SYN that cannot leave.
    if (local_towards(to).is_unspecified())
        return dial_in_vain(sockets_.io(), make_error_code(boost::system::errc::network_unreachable),
                            std::move(done));
    auto dial = std::make_unique<Dial>(*this, std::move(done));
    if (const Error error = dial->begin(to, punch))
        return dial_in_vain(sockets_.io(), error, dial->take_done());
    return dial;
}

std::unique_ptr<Stream> UtpStreams::stream_of(utp::Connection& connection) {
    const Endpoint& to = connection.remote();
    const Address next_host = udp_.relay() ? udp_.relay()->host() : to.address;
    const Address local = connection.local().is_unspecified() ? local_towards(to) : connection.local();
    return std::make_unique<UtpStream>(connection, local, next_host);
}

/// The kernel's choice for packets to there; a UDP socket that is connected sends nothing.
Address UtpStreams::local_towards(const Endpoint& to) {
    // A peer by name would answer from an address that the proxy does not tell beforehand.
    if (to.address.is_reserved()) return {};
    if (udp_.relay()) return udp_.relay()->local();
    auto socket = sockets_.udp(to.address.family(), 0);
    if (!socket) return {};
    Error error;
    socket->connect(to_asio<boost::asio::ip::udp>(to), error);
    if (error) return {};
    const auto local = socket->local_endpoint(error);
    return error ? Address() : from_asio(local.address());
}

// ---- Connections' sink ----

void UtpStreams::send(const Endpoint& to, ByteView datagram, utp::Fragmentation fragmentation,
                      const Address& from) {
    const Cutting cutting = fragmentation == utp::Fragmentation::forbidden ? Cutting::forbidden
                            : fragmentation == utp::Fragmentation::early   ? Cutting::early
                                                                           : Cutting::allowed;
    udp_.send_utp(to, datagram, cutting, from);
}

void UtpStreams::want_turn() {
    boost::asio::post(sockets_.io(), [this, alive = std::weak_ptr(alive_)] {
        if (alive.expired()) return;
        connections_.end_turn(Clock::now());
        set_timer();
    });
}

// ---- UdpMux's receiver ----

void UtpStreams::on_utp(const ReceivedDatagram& datagram) {
    got_datagrams_ = true;
    connections_.receive(datagram, Clock::now());
}

void UtpStreams::on_turn_ended() {
    if (!std::exchange(got_datagrams_, false)) return;
    connections_.end_turn(Clock::now());
    set_timer();
}

void UtpStreams::on_writable() {
    connections_.handle_writable(Clock::now());
    set_timer();
}

void UtpStreams::on_unreachable(const Endpoint& to) {
    connections_.handle_unreachable(to);
}

void UtpStreams::set_timer() {
    // A timer that fires too early costs less than one that is set anew for each packet.
    const TimePoint next = connections_.next_timeout();
    if (next >= timer_at_) return;
    timer_at_ = next;
    timer_.expires_at(next);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](Error error) {
        if (error || alive.expired()) return;
        timer_at_ = kNever;
        connections_.handle_timer(Clock::now());
        set_timer();
    });
}

}  // namespace btfs::net
