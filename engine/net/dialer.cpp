#include "engine/net/dialer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "engine/net/asio_endpoint.hpp"
#include "engine/net/tcp_stream.hpp"

namespace btfs::net {

using boost::asio::ip::tcp;

struct Dialer::HalfOpen {
    tcp::socket socket;
    boost::asio::steady_timer timer;
    Endpoint endpoint;
    Done done;
    TimePoint begun;
};

Dialer::Dialer(SocketFactory& sockets) : sockets_(sockets) {}
Dialer::~Dialer() = default;

void Dialer::dial(const Endpoint& endpoint, Done done) {
    Waiting waiting{endpoint, std::move(done)};
    if (half_open_.size() >= kMaxHalfOpen) {
        waiting_.push_back(std::move(waiting));
    } else {
        start(std::move(waiting));
    }
}

void Dialer::start(Waiting waiting) {
    auto& io = sockets_.io();
    auto socket = sockets_.tcp(waiting.endpoint.address.family());
    const std::uint64_t id = next_id_++;
    auto& entry = half_open_[id];
    entry = std::make_unique<HalfOpen>(HalfOpen{socket ? std::move(*socket) : tcp::socket(io),
                                                boost::asio::steady_timer(io), waiting.endpoint,
                                                std::move(waiting.done), Clock::now()});
    // Handlers of ended dials find their id gone. They run inside the io_context, which outlives no dialer.
    if (!socket) {
        boost::asio::post(io, [this, id, error = socket.error()] { finish(id, error); });
        return;
    }
    entry->timer.expires_after(kTimeout);
    entry->timer.async_wait([this, id](Error error) {
        if (!error) finish(id, Errc::timed_out);
    });
    entry->socket.async_connect(to_asio<tcp>(waiting.endpoint), [this, id](Error error) {
        if (error != boost::asio::error::operation_aborted) finish(id, error);
    });
}

void Dialer::finish(std::uint64_t id, Error error) {
    auto node = half_open_.extract(id);
    if (node.empty()) return;
    HalfOpen& dial = *node.mapped();
    if (!waiting_.empty()) {
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        start(std::move(next));
    }
    if (error) return dial.done(error);
    dial.done(Dialled{std::make_unique<TcpStream>(std::move(dial.socket), dial.endpoint),
                      Clock::now() - dial.begun});
}

}  // namespace btfs::net
