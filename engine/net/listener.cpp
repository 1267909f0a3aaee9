#include "engine/net/listener.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "engine/core/time.hpp"
#include "engine/log/log.hpp"
#include "engine/net/asio_endpoint.hpp"
#include "engine/net/encrypted_stream.hpp"
#include "engine/net/handshake_exchange.hpp"
#include "engine/net/tcp_stream.hpp"
#include "engine/wire/incoming_handshake.hpp"

namespace btfs::net {
namespace {

using boost::asio::ip::tcp;

constexpr int kPortsToTry = 100;
constexpr Duration kAcceptPause = 100ms;

}  // namespace

struct Listener::Pending {
    Pending(std::unique_ptr<Stream> accepted, const Rules& rules, boost::asio::io_context& io,
            Duration patience, HandshakeExchange::Ended ended)
        : stream(std::move(accepted)),
          timer(io, patience),
          handshake(rules.encryption, rules.find),
          exchange(*stream,
                   {[this](ByteView bytes) { return handshake.handle_bytes(bytes); },
                    [this] { return handshake.take_output(); }},
                   std::move(ended)) {}

    std::unique_ptr<Stream> stream;
    boost::asio::steady_timer timer;
    wire::IncomingHandshake handshake;
    HandshakeExchange exchange;
};

Listener::Listener(SocketFactory& sockets, Route route, Rules rules)
    : Listener(sockets, std::move(route), std::move(rules), Limits{}) {}
Listener::Listener(SocketFactory& sockets, Route route, Rules rules, const Limits& limits)
    : sockets_(sockets),
      route_(std::move(route)),
      rules_(std::move(rules)),
      limits_(limits),
      shares_({limits.pending, limits.pending_of_host}) {}
Listener::~Listener() = default;

Error Listener::bind(std::uint16_t port) {
    acceptors_.clear();
    Error error;
    for (AddressFamily family : {AddressFamily::v4, AddressFamily::v6}) {
        auto acceptor = sockets_.acceptor(family, acceptors_.empty() ? port : port_);
        if (acceptor) {
            acceptors_.push_back(std::move(*acceptor));
            port_ = acceptors_.front().local_endpoint().port();
        } else {
            error = acceptor.error();
            if (error == boost::asio::error::address_in_use) return error;
        }  // else the machine has no addresses of this family
    }
    return acceptors_.empty() ? error : Error{};
}

Result<void> Listener::open(std::uint16_t wanted_port) {
    Error error = bind(wanted_port != 0 ? wanted_port : kDefaultPort);
    for (int i = 1; error && wanted_port == 0 && i < kPortsToTry; ++i)
        error = bind(static_cast<std::uint16_t>(kDefaultPort + i));
    if (error && wanted_port == 0) error = bind(0);
    if (error) return error;
    for (std::size_t i = 0; i < acceptors_.size(); ++i) accept(i);
    return {};
}

void Listener::close() {
    acceptors_.clear();
    while (!pending_.empty()) drop(pending_.begin()->first);
}

void Listener::accept(std::size_t index) {
    acceptors_[index].async_accept([this, index](Error error, tcp::socket socket) {
        if (error == boost::asio::error::operation_aborted || index >= acceptors_.size()) return;
        if (error) {  // such as "out of descriptors": pause, so that the loop does not spin
            auto pause = std::make_shared<boost::asio::steady_timer>(sockets_.io(), kAcceptPause);
            pause->async_wait([this, index, pause](Error e) {
                if (!e && index < acceptors_.size()) accept(index);
            });
            return;
        }
        accept(index);
        take(std::move(socket));
    });
}

void Listener::take(tcp::socket socket) {
    if (!rules_.tcp) return;
    Error ended;
    const auto remote = socket.remote_endpoint(ended);
    if (ended) return;
    SocketFactory::prepare(socket);
    take(std::make_unique<TcpStream>(std::move(socket), from_asio_endpoint(remote)));
}

void Listener::take(std::unique_ptr<Stream> stream) {
    if (refuses_ && refuses_(stream->remote().address)) return;
    const std::uint64_t id = next_id_++;
    if (const auto evicted = shares_.add(id, stream->remote().address)) pending_.erase(*evicted);
    auto& pending = pending_[id] =
        std::make_unique<Pending>(std::move(stream), rules_, sockets_.io(), limits_.patience,
                                  [this, id](Error error) { on_greeted(id, error); });
    pending->timer.async_wait([this, id](Error error) {
        if (!error) drop(id);
    });
    pending->exchange.start();
}

void Listener::drop_refused() {
    std::vector<std::uint64_t> refused;
    for (const auto& [id, pending] : pending_)
        if (refuses_ && refuses_(pending->stream->remote().address)) refused.push_back(id);
    for (const std::uint64_t id : refused) drop(id);
}

void Listener::drop(std::uint64_t id) {
    shares_.remove(id);
    pending_.erase(id);
}

void Listener::on_greeted(std::uint64_t id, Error error) {
    shares_.remove(id);
    const auto node = pending_.extract(id);
    Pending& greeted = *node.mapped();
    greeted.timer.cancel();
    if (error) return log::debug("{} came in: {}", greeted.stream->remote().text(), error.message());
    wire::IncomingHandshake::Outcome outcome = greeted.handshake.take_outcome();
    std::unique_ptr<Stream> stream = std::move(greeted.stream);
    if (outcome.ciphers) stream = std::make_unique<EncryptedStream>(std::move(stream), *outcome.ciphers);
    route_({outcome.info_hash, std::move(stream), std::move(outcome.received), outcome.encrypted});
}

}  // namespace btfs::net
