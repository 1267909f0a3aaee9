#include "cli/web/web_server.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "cli/web/web_connection.hpp"
#include "cli/web/web_socket.hpp"
#include "cli/web/web_work.hpp"
#include "engine/log/log.hpp"
#include "engine/net/asio_endpoint.hpp"

namespace btfs::cli {
namespace asio = boost::asio;
using asio::ip::tcp;
namespace {

/// Each may be kept waiting by a disk.
constexpr unsigned kThreads = 3;
constexpr Duration kAcceptAgain = 100ms;
/// A client whose machine has gone is noticed after two minutes.
constexpr int kAlive = 1, kAliveAfter_s = 60, kAliveEvery_s = 15, kAliveTimes = 4;

void keep_alive(tcp::socket& socket) {
    const int fd = socket.native_handle();
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &kAlive, sizeof kAlive);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kAliveAfter_s, sizeof kAliveAfter_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kAliveEvery_s, sizeof kAliveEvery_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kAliveTimes, sizeof kAliveTimes);
}

}  // namespace

class WebServer::Shell {
  public:
    Shell(WebSite& site) : site_(site), io_(static_cast<int>(kThreads)), acceptor_(asio::make_strand(io_)) {}
    ~Shell() {
        io_.stop();
        for (std::thread& thread : threads_) thread.join();
        // Jobs come to their ends, and leave their outcomes to the io_context, which is destroyed first.
        work_.pool().join();
    }
    Shell(const Shell&) = delete;
    Shell& operator=(const Shell&) = delete;

    Error listen(const Endpoint& where) {
        const tcp::endpoint endpoint = net::to_asio<tcp>(where);
        boost::system::error_code error;
        acceptor_.open(endpoint.protocol(), error);
        if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
        if (!error) acceptor_.bind(endpoint, error);
        if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
        return error;
    }
    void start() {
        asio::co_spawn(acceptor_.get_executor(), accept(), asio::detached);
        for (unsigned each = 0; each < kThreads; ++each) threads_.emplace_back([this] { io_.run(); });
    }
    Endpoint endpoint() const { return net::from_asio_endpoint(acceptor_.local_endpoint()); }

  private:
    net::Awaitable<void> accept() {
        asio::steady_timer pause(acceptor_.get_executor());
        for (;;) {
            tcp::socket socket(asio::make_strand(io_));
            const auto [error] = co_await acceptor_.async_accept(socket, asio::as_tuple(asio::use_awaitable));
            if (error == asio::error::operation_aborted) co_return;
            if (error) {  // no descriptors are left, or the client has gone already
                pause.expires_after(kAcceptAgain);
                co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
                continue;
            }
            begin(std::move(socket));
        }
    }

    void begin(tcp::socket socket) {
        boost::system::error_code error;
        const auto remote = socket.remote_endpoint(error);
        if (error) return;
        socket.set_option(tcp::no_delay(true), error);
        keep_alive(socket);
        make_room();
        const auto executor = socket.get_executor();
        const auto connection = std::make_shared<WebConnection>(
            std::make_unique<WebConnection::Socket>(std::move(socket), net::from_asio(remote.address())),
            site_, work_);
        connections_.push_back(connection);
        asio::co_spawn(executor, WebConnection::run(connection), asio::detached);
    }

    void make_room() {
        std::erase_if(connections_, [](const auto& each) { return each.expired(); });
        if (connections_.size() < kMaxConnections) return;
        // Those that serve nobody go first: a player may pause for long.
        const auto worth = [](const WebConnection& each) {
            return std::pair(each.is_serving(), each.last_progress());
        };
        std::shared_ptr<WebConnection> oldest;
        for (const auto& each : connections_) {
            auto connection = each.lock();
            if (connection && (!oldest || worth(*connection) < worth(*oldest)))
                oldest = std::move(connection);
        }
        if (!oldest) return;
        std::erase_if(connections_, [&](const auto& each) { return each.lock() == oldest; });
        oldest->close();
    }

    WebSite& site_;
    WebWork work_;
    asio::io_context io_;
    tcp::acceptor acceptor_;
    std::vector<std::weak_ptr<WebConnection>> connections_;  ///< used on the acceptor's strand
    std::vector<std::thread> threads_;
};

WebServer::WebServer(std::unique_ptr<Shell> shell) : shell_(std::move(shell)) {}

WebServer::~WebServer() = default;

Result<std::unique_ptr<WebServer>> WebServer::open(const Endpoint& where, WebSite& site) {
    auto shell = std::make_unique<Shell>(site);
    if (const Error error = shell->listen(where)) return error;
    return std::unique_ptr<WebServer>(new WebServer(std::move(shell)));
}

void WebServer::start() {
    shell_->start();
}

Endpoint WebServer::endpoint() const {
    return shell_->endpoint();
}

}  // namespace btfs::cli
