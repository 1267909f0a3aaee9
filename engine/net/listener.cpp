#include "engine/net/listener.hpp"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "engine/core/time.hpp"
#include "engine/net/asio_endpoint.hpp"
#include "engine/net/tcp_stream.hpp"
#include "engine/wire/handshake.hpp"

namespace btfs::net {
namespace {

using boost::asio::ip::tcp;

/// Bytes of a handshake up to the end of the info-hash. The session reads the bytes behind it.
constexpr std::size_t kNeeded = 48;
constexpr int kPortsToTry = 100;
constexpr Duration kAcceptPause = 100ms;

}  // namespace

struct Listener::Pending {
    std::unique_ptr<Stream> stream;
    boost::asio::steady_timer timer;
    std::array<std::byte, wire::Handshake::kSize> bytes;
    std::size_t filled = 0;
};

Listener::Listener(SocketFactory& sockets, Route route) : Listener(sockets, std::move(route), Limits{}) {}
Listener::Listener(SocketFactory& sockets, Route route, const Limits& limits)
    : sockets_(sockets),
      route_(std::move(route)),
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
    Error ended;
    const auto remote = socket.remote_endpoint(ended);
    if (ended) return;
    SocketFactory::prepare(socket);
    const Endpoint from = from_asio_endpoint(remote);
    const std::uint64_t id = next_id_++;
    if (const auto evicted = shares_.add(id, from.address)) pending_.erase(*evicted);
    auto& pending = pending_[id] =
        std::make_unique<Pending>(Pending{std::make_unique<TcpStream>(std::move(socket), from),
                                          boost::asio::steady_timer(sockets_.io(), limits_.patience),
                                          {},
                                          0});
    pending->timer.async_wait([this, id](Error error) {
        if (!error) drop(id);
    });
    wait(id);
}

void Listener::drop(std::uint64_t id) {
    shares_.remove(id);
    pending_.erase(id);
}

void Listener::wait(std::uint64_t id) {
    pending_[id]->stream->wait_readable([this, id](Error error) {
        if (!pending_.contains(id)) return;
        error ? drop(id) : read(id);
    });
}

void Listener::read(std::uint64_t id) {
    Pending& pending = *pending_[id];
    const iovec rest{pending.bytes.data() + pending.filled, kNeeded - pending.filled};
    auto n = pending.stream->read({&rest, 1});
    if (!n) return drop(id);
    pending.filled += *n;
    if (pending.filled < kNeeded) return wait(id);
    // A handshake begins with 20 fixed bytes and eight reserved ones; then comes the info-hash (BEP 3).
    const Sha1Digest info_hash = Sha1Digest::from(ByteView(pending.bytes).subspan(28, 20));
    auto node = pending_.extract(id);
    shares_.remove(id);
    node.mapped()->timer.cancel();
    route_(info_hash, std::move(node.mapped()->stream), ByteView(node.mapped()->bytes).first(kNeeded));
}

}  // namespace btfs::net
