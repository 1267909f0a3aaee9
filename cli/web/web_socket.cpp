#include "cli/web/web_socket.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace btfs::cli {

std::unique_ptr<WebConnection::Socket::Departure> WebConnection::Socket::watch(
    std::function<void()> on_gone) {
    auto departure = std::make_unique<Departure>(*this);
    *departure->on_gone_ = std::move(on_gone);
    wait(departure->on_gone_);
    return departure;
}

WebConnection::Socket::Departure::~Departure() {
    *on_gone_ = nullptr;
    boost::system::error_code ignored;
    socket_.stream.socket().cancel(ignored);
}

void WebConnection::Socket::wait(const std::shared_ptr<std::function<void()>>& on_gone) {
    // When the watch has ended, so may have this.
    stream.socket().async_wait(
        boost::asio::socket_base::wait_read, [this, on_gone](const boost::system::error_code& error) {
            if (!*on_gone) return;
            if (error) return (*on_gone)();  // the connection was closed from here
            char byte = 0;
            const ssize_t got = recv(stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
            if (got > 0) return;
            if (got < 0 && errno == EAGAIN) return wait(on_gone);
            (*on_gone)();
        });
}

}  // namespace btfs::cli
