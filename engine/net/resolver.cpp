#include "engine/net/resolver.hpp"

#include <ares.h>
#include <netdb.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <new>

#include "engine/core/time.hpp"

namespace btfs::net {
namespace {

constexpr int kTimeoutMs = 3000;
constexpr int kTries = 2;

Error error_of(int status) {
    if (status == ARES_ETIMEOUT || status == ARES_ECONNREFUSED) return Errc::timed_out;
    return Errc::name_not_found;
}

std::vector<Address> addresses_of(const ares_addrinfo& result) {
    std::vector<Address> addresses;
    for (const ares_addrinfo_node* node = result.nodes; node; node = node->ai_next) {
        std::optional<Address> address;
        if (node->ai_family == AF_INET) {
            const auto& v4 = *reinterpret_cast<const sockaddr_in*>(node->ai_addr);
            address = Address::from_bytes(std::as_bytes(std::span(&v4.sin_addr, 1)));
        } else if (node->ai_family == AF_INET6) {
            const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(node->ai_addr);
            address = Address::from_bytes(std::as_bytes(std::span(&v6.sin6_addr, 1)));
        }
        if (address) addresses.push_back(*address);
    }
    return addresses;
}

}  // namespace

/// A c-ares channel and the loop's waits for its sockets and its timer.
class Resolver::Channel {
  public:
    explicit Channel(boost::asio::io_context& io) : io_(io), timer_(io) {
        ares_library_init(ARES_LIB_INIT_ALL);
        ares_options options{};
        options.timeout = kTimeoutMs;
        options.tries = kTries;
        options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
            static_cast<Channel*>(self)->on_state(fd, readable != 0, writable != 0);
        };
        options.sock_state_cb_data = this;
        if (ares_init_options(&channel_, &options,
                              ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS)
            throw std::bad_alloc();
    }

    ~Channel() {
        ending_ = true;
        ares_destroy(channel_);
        ares_library_cleanup();
    }

    void resolve(const std::string& host, std::optional<AddressFamily> family, Done done) {
        ares_addrinfo_hints hints{};
        hints.ai_family = !family ? AF_UNSPEC : *family == AddressFamily::v4 ? AF_INET : AF_INET6;
        hints.ai_socktype = SOCK_STREAM;
        auto* lookup = new Lookup{*this, std::move(done)};  // freed by on_done, which c-ares always calls
        ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, &Channel::on_done, lookup);
        arm_timer();
    }

  private:
    struct Lookup {
        Channel& channel;
        Done done;
    };
    struct Socket {
        explicit Socket(boost::asio::io_context& io, int fd) : descriptor(io, fd) {}
        ~Socket() { descriptor.release(); }  // c-ares closes it
        boost::asio::posix::stream_descriptor descriptor;
        bool wants_read = false;
        bool wants_write = false;
        bool waits_read = false;
        bool waits_write = false;
    };

    static void on_done(void* argument, int status, int, ares_addrinfo* result) {
        const std::unique_ptr<Lookup> lookup(static_cast<Lookup*>(argument));
        Result<std::vector<Address>> answer = error_of(status);
        if (result) {
            auto addresses = addresses_of(*result);
            if (!addresses.empty()) answer = std::move(addresses);
            ares_freeaddrinfo(result);
        }
        if (lookup->channel.ending_) return;
        boost::asio::post(lookup->channel.io_,
                          [done = std::move(lookup->done), answer = std::move(answer)] { done(answer); });
    }

    void on_state(int fd, bool readable, bool writable) {
        if (!readable && !writable) {
            sockets_.erase(fd);
            return;
        }
        auto& socket = sockets_[fd];
        if (!socket) socket = std::make_shared<Socket>(io_, fd);
        socket->wants_read = readable;
        socket->wants_write = writable;
        wait(fd);
    }

    void wait(int fd) {
        auto found = sockets_.find(fd);
        if (found == sockets_.end()) return;
        using descriptor = boost::asio::posix::stream_descriptor;
        Socket& socket = *found->second;
        if (socket.wants_read && !socket.waits_read) {
            socket.waits_read = true;
            socket.descriptor.async_wait(descriptor::wait_read,
                                         [this, fd, weak = std::weak_ptr(found->second)](Error error) {
                                             const auto still = weak.lock();
                                             if (error || !still) return;
                                             still->waits_read = false;
                                             process(fd, ARES_SOCKET_BAD);
                                         });
        }
        if (socket.wants_write && !socket.waits_write) {
            socket.waits_write = true;
            socket.descriptor.async_wait(descriptor::wait_write,
                                         [this, fd, weak = std::weak_ptr(found->second)](Error error) {
                                             const auto still = weak.lock();
                                             if (error || !still) return;
                                             still->waits_write = false;
                                             process(ARES_SOCKET_BAD, fd);
                                         });
        }
    }

    void process(ares_socket_t readable, ares_socket_t writable) {
        ares_process_fd(channel_, readable, writable);
        if (readable != ARES_SOCKET_BAD) wait(readable);
        if (writable != ARES_SOCKET_BAD) wait(writable);
        arm_timer();
    }

    void arm_timer() {
        timeval time{};
        if (!ares_timeout(channel_, nullptr, &time)) return;
        timer_.expires_after(std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec));
        timer_.async_wait([this](Error error) {
            if (!error) process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        });
    }

    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    ares_channel channel_ = nullptr;
    /// Shared with the handlers of waits, which may run after c-ares has dropped the socket.
    std::map<int, std::shared_ptr<Socket>> sockets_;
    bool ending_ = false;
};

Resolver::Resolver(SocketFactory& sockets) : io_(sockets.io()) {}
Resolver::~Resolver() = default;

void Resolver::resolve(const std::string& host, std::optional<AddressFamily> family, Done done) {
    if (const auto literal = Address::parse(host)) {
        Result<std::vector<Address>> answer = std::vector{*literal};
        if (family && *family != literal->family()) answer = Errc::name_not_found;
        boost::asio::post(io_, [done = std::move(done), answer = std::move(answer)] { done(answer); });
        return;
    }
    if (!channel_) channel_ = std::make_unique<Channel>(io_);
    channel_->resolve(host, family, std::move(done));
}

}  // namespace btfs::net
