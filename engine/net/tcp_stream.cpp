#include "engine/net/tcp_stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "engine/net/asio_endpoint.hpp"
#include "engine/net/system_error.hpp"
#include "engine/net/tcp_statistics.hpp"

namespace btfs::net {
namespace {

void wait(boost::asio::ip::tcp::socket& socket, boost::asio::socket_base::wait_type what,
          Stream::Ready ready) {
    socket.async_wait(what, [ready = std::move(ready)](Error error) {
        if (error != boost::asio::error::operation_aborted) ready(error);
    });
}

}  // namespace

TcpStream::TcpStream(boost::asio::ip::tcp::socket socket, const Endpoint& remote, Way way)
    : socket_(std::move(socket)), remote_(remote), way_(way) {}

Result<std::size_t> TcpStream::read(std::span<const iovec> into) {
    const ssize_t n = readv(socket_.native_handle(), into.data(), static_cast<int>(into.size()));
    if (n > 0) return static_cast<std::size_t>(n);
    if (n == 0) return Errc::connection_closed;
    if (errno == EAGAIN || errno == EINTR) return 0;
    return last_error();
}

Result<std::size_t> TcpStream::write(std::span<const iovec> from) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(from.data());
    message.msg_iovlen = from.size();
    const ssize_t n = sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) return 0;
    return last_error();
}

void TcpStream::set_receive_low_water(std::size_t bytes) {
    if (bytes == low_water_) return;
    const int value = static_cast<int>(bytes);
    if (setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value) == 0)
        low_water_ = bytes;
}

void TcpStream::acknowledge_soon() {
    const int on = 1;  // until the kernel finds the connection interactive again
    (void)setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

std::optional<Stream::RoundTrip> TcpStream::round_trip() {
    if (way_ == Way::tunnel) return std::nullopt;
    return tcp_round_trip(socket_.native_handle());
}

std::optional<Stream::Reception> TcpStream::reception() {
    if (way_ == Way::tunnel) return std::nullopt;
    return tcp_reception(socket_.native_handle());
}

Address TcpStream::local() const {
    Error error;
    const auto endpoint = socket_.local_endpoint(error);
    return error ? Address() : from_asio(endpoint.address());
}

Address TcpStream::next_host() const {
    if (way_ == Way::direct) return remote_.address;
    Error error;
    const auto endpoint = socket_.remote_endpoint(error);
    return error ? Address() : from_asio(endpoint.address());
}

void TcpStream::wait_readable(Ready ready) {
    wait(socket_, boost::asio::socket_base::wait_read, std::move(ready));
}

void TcpStream::wait_writable(Ready ready) {
    wait(socket_, boost::asio::socket_base::wait_write, std::move(ready));
}

}  // namespace btfs::net
