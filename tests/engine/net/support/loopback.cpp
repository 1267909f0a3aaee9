#include "tests/engine/net/support/loopback.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

namespace btfs::net::test {

using asio::ip::tcp;
using asio::ip::udp;

TcpServer::TcpServer(Serve serve, const std::string& address)
    : serve_(std::move(serve)), acceptor_(io_, tcp::endpoint(asio::ip::make_address(address), 0)) {
    thread_ = std::thread([this] { work(); });
}

TcpServer::~TcpServer() {
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);  // accept() ends
    thread_.join();
}

void TcpServer::work() {
    for (;;) {
        boost::system::error_code error;
        tcp::socket socket(io_);
        acceptor_.accept(socket, error);
        if (error) return;
        std::string request;
        std::array<char, 4096> chunk;
        while (request.find("\r\n\r\n") == std::string::npos) {
            const std::size_t n = socket.read_some(asio::buffer(chunk), error);
            if (error) break;
            request.append(chunk.data(), n);
        }
        if (!request.empty()) serve_(socket, request);
    }
}

SilentServer::SilentServer(const std::string& address, std::uint16_t port) : acceptor_(io_) {
    const tcp::endpoint endpoint(asio::ip::make_address(address), port);
    acceptor_.open(endpoint.protocol());
    acceptor_.bind(endpoint);
    acceptor_.listen(0);  // a queue of one connection
    queued_.emplace_back(io_).connect(endpoint);
}

UdpServer::UdpServer(Serve serve)
    : serve_(std::move(serve)), socket_(io_, udp::endpoint(asio::ip::make_address("127.0.0.1"), 0)) {
    thread_ = std::thread([this] { work(); });
}

UdpServer::~UdpServer() {
    udp::socket knock(io_, udp::v4());
    boost::system::error_code ignored;
    knock.send_to(asio::buffer("", 0), socket_.local_endpoint(), 0, ignored);
    thread_.join();
}

void UdpServer::work() {
    for (;;) {
        std::array<char, 4096> datagram;
        udp::endpoint from;
        boost::system::error_code error;
        const std::size_t n = socket_.receive_from(asio::buffer(datagram), from, 0, error);
        if (error || n == 0) return;
        const std::string answer = serve_(std::string(datagram.data(), n));
        if (!answer.empty()) socket_.send_to(asio::buffer(answer), from, 0, error);
    }
}

void send(tcp::socket& socket, std::string_view text) {
    boost::system::error_code ignored;
    asio::write(socket, asio::buffer(text), ignored);
}

void wait_for_close(tcp::socket& socket) {
    char byte;
    boost::system::error_code error;
    while (!error) socket.read_some(asio::buffer(&byte, 1), error);
}

}  // namespace btfs::net::test
