// Servers on loopback for the tests of engine/net, and a way to run a coroutine to its end.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace btfs::net::test {

namespace asio = boost::asio;

/// Runs until the coroutine has ended, and gives its value.
template <class T>
T run(asio::io_context& io, asio::awaitable<T> coroutine) {
    std::optional<T> result;
    std::exception_ptr thrown;
    io.restart();
    asio::co_spawn(io, std::move(coroutine), [&](std::exception_ptr e, T value) {
        thrown = e;
        result.emplace(std::move(value));
        io.stop();
    });
    io.run();
    if (thrown) std::rethrow_exception(thrown);
    if (!result) throw std::logic_error("the coroutine never ended");
    return std::move(*result);
}

/// Accepts one connection after another, reads up to the end of a request's header, and lets `serve` do
/// what it likes with the socket; then closes it.
class TcpServer {
  public:
    using Serve = std::function<void(asio::ip::tcp::socket&, const std::string& request)>;
    explicit TcpServer(Serve serve, const std::string& address = "127.0.0.1");
    ~TcpServer();
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    std::string url(const std::string& target = "/") const {
        return "http://127.0.0.1:" + std::to_string(port()) + target;
    }

  private:
    void work();

    Serve serve_;
    asio::io_context io_;
    asio::ip::tcp::acceptor acceptor_;
    std::thread thread_;
};

/// Server whose accept queue is full, so that a connection to it is never established.
class SilentServer {
  public:
    SilentServer(const std::string& address, std::uint16_t port);

  private:
    asio::io_context io_;
    asio::ip::tcp::acceptor acceptor_;
    std::vector<asio::ip::tcp::socket> queued_;
};

/// Answers each datagram with what `serve` gives, or not at all if that is empty.
class UdpServer {
  public:
    using Serve = std::function<std::string(const std::string& datagram)>;
    explicit UdpServer(Serve serve);
    ~UdpServer();
    std::uint16_t port() const { return socket_.local_endpoint().port(); }

  private:
    void work();

    Serve serve_;
    asio::io_context io_;
    asio::ip::udp::socket socket_;
    std::thread thread_;
};

void send(asio::ip::tcp::socket& socket, std::string_view text);
/// Waits for the other side to close.
void wait_for_close(asio::ip::tcp::socket& socket);

}  // namespace btfs::net::test
