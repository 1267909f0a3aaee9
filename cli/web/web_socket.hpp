// The socket of a connection of the web server. Included only where Beast is.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <functional>
#include <memory>

#include "cli/web/web_connection.hpp"

namespace btfs::cli {

class WebConnection::Socket {
  public:
    /// Requests and their bodies beyond this wait in the socket.
    static constexpr std::size_t kMaxBuffer = 64 << 10;

    Socket(boost::asio::ip::tcp::socket socket, const Address& from)
        : stream(std::move(socket)), buffer(kMaxBuffer), remote(from) {}

    /// Ends a watch.
    class Departure {
      public:
        explicit Departure(Socket& socket)
            : socket_(socket), on_gone_(std::make_shared<std::function<void()>>()) {}
        ~Departure();
        Departure(const Departure&) = delete;
        Departure& operator=(const Departure&) = delete;

      private:
        friend class Socket;
        Socket& socket_;
        const std::shared_ptr<std::function<void()>> on_gone_;
    };
    /// Has `on_gone` called, on the connection's strand, when the client closes its side while an answer is
    /// being made, and sends nothing more. A client that sends its next request already is no longer watched.
    [[nodiscard]] std::unique_ptr<Departure> watch(std::function<void()> on_gone);

    boost::beast::tcp_stream stream;
    boost::beast::flat_buffer buffer;
    const Address remote;
    std::uint64_t requests = 0;

  private:
    void wait(const std::shared_ptr<std::function<void()>>& on_gone);
};

}  // namespace btfs::cli
