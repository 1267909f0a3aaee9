#include "engine/net/gateway_http.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <span>

#include "engine/http/reply_parser.hpp"
#include "engine/net/asio_endpoint.hpp"

namespace btfs::net {
namespace {

constexpr std::size_t kMaxHeaderSize = 16 * 1024;

Error system_error(int number) {
    return {number, boost::system::system_category()};
}

/// TCP connection whose waits all end at one deadline.
class Connection {
  public:
    Connection(AddressFamily family, TimePoint deadline)
        : socket_(socket(family == AddressFamily::v4 ? AF_INET : AF_INET6,
                         SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
          deadline_(deadline) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() {
        if (socket_ >= 0) close(socket_);
    }

    Error connect(const Endpoint& to, const GatewayPath& path) {
        if (socket_ < 0) return system_error(errno);
        if (path.source) {
            const auto source = to_asio<boost::asio::ip::tcp>({*path.source, 0});
            if (bind(socket_, source.data(), static_cast<socklen_t>(source.size())) != 0)
                return system_error(errno);
        }
        auto address = to_asio<boost::asio::ip::tcp>(to);
        if (to.address.is_link_local() && !to.address.is_v4())
            reinterpret_cast<sockaddr_in6*>(address.data())->sin6_scope_id = path.interface;
        if (::connect(socket_, address.data(), static_cast<socklen_t>(address.size())) == 0) return {};
        if (errno != EINPROGRESS) return system_error(errno);
        if (Error error = wait_for(POLLOUT)) return error;
        int outcome = 0;
        socklen_t size = sizeof outcome;
        getsockopt(socket_, SOL_SOCKET, SO_ERROR, &outcome, &size);
        return outcome == 0 ? Error{} : system_error(outcome);
    }

    Address own_address() const {
        boost::asio::ip::tcp::endpoint own;
        auto size = static_cast<socklen_t>(own.capacity());
        getsockname(socket_, own.data(), &size);
        return from_asio(own.address());
    }

    Error send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent >= 0) {
                bytes.remove_prefix(static_cast<std::size_t>(sent));
            } else if (errno != EAGAIN && errno != EINTR) {
                return system_error(errno);
            } else if (Error error = wait_for(POLLOUT)) {
                return error;
            }
        }
        return {};
    }

    /// Returns how many bytes have come, 0 at the end of the stream.
    Result<std::size_t> receive(std::span<char> into) {
        for (;;) {
            if (Error error = wait_for(POLLIN)) return error;
            const ssize_t received = recv(socket_, into.data(), into.size(), 0);
            if (received >= 0) return static_cast<std::size_t>(received);
            if (errno != EAGAIN && errno != EINTR) return system_error(errno);
        }
    }

  private:
    Error wait_for(short event) {
        for (;;) {
            const Duration left = deadline_ - Clock::now();
            if (left <= Duration::zero()) return Errc::timed_out;
            pollfd waiting{socket_, event, 0};
            const auto time = std::chrono::ceil<std::chrono::milliseconds>(left);
            const int outcome = poll(&waiting, 1, static_cast<int>(time.count()));
            if (outcome > 0) return {};
            if (outcome < 0 && errno != EINTR) return system_error(errno);
        }
    }

    const int socket_;
    const TimePoint deadline_;
};

}  // namespace

Result<GatewayReply> exchange_with_gateway(const Endpoint& gateway, std::string_view request,
                                           TimePoint deadline, const GatewayPath& path) {
    Connection connection(gateway.address.family(), deadline);
    if (Error error = connection.connect(gateway, path)) return error;
    if (Error error = connection.send(request)) return error;

    http::ReplyParser parser({.max_header_size = kMaxHeaderSize, .max_body_size = kMaxGatewayReply});
    std::array<char, 4096> chunk;
    while (!parser.done()) {
        const auto size = connection.receive(chunk);
        if (!size) return size.error();
        const Error error = *size == 0 ? parser.feed_end() : parser.feed({chunk.data(), *size});
        if (error) return error;
    }
    return GatewayReply{parser.status(), parser.take_body(), connection.own_address()};
}

}  // namespace btfs::net
