#include "engine/net/resolver.hpp"

#include <ares.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>
#include <cstring>
#include <optional>
#include <unordered_map>

namespace btfs::net {
namespace asio = boost::asio;
namespace {

constexpr std::size_t kMaxNameSize = 253;  // characters (RFC 1035)
/// A channel that had no question for this long is replaced by a new one, which reads the present name
/// servers.
constexpr Duration kChannelLife = 30s;

/// Name question of one coroutine, which waits on the timer until the answer comes or the time is over.
struct Query {
    explicit Query(asio::io_context& io) : timer(io) {}
    asio::steady_timer timer;
    std::optional<Result<std::vector<Address>>> result;
};

Error error_of(int status) {
    switch (status) {
        case ARES_ETIMEOUT:
        case ARES_ECONNREFUSED:
            return Errc::timed_out;
        case ARES_ECANCELLED:
        case ARES_EDESTRUCTION:
            return Errc::cancelled;
        default:
            return Errc::name_not_found;
    }
}

/// Returns the lifetime of an answer: the shortest TTL of its records.
Duration life_of(const ares_addrinfo& info) {
    Duration life = NameLookups::kLongestLife;
    for (const ares_addrinfo_node* node = info.nodes; node; node = node->ai_next)
        life = std::min<Duration>(life, std::chrono::seconds(std::max(node->ai_ttl, 0)));
    return life;
}

std::vector<Address> addresses_of(const ares_addrinfo& info) {
    std::vector<Address> v6, v4, mixed;
    for (const ares_addrinfo_node* node = info.nodes; node; node = node->ai_next) {
        if (node->ai_family == AF_INET) {
            const auto* name = reinterpret_cast<const sockaddr_in*>(node->ai_addr);
            if (auto a = Address::from_bytes(std::as_bytes(std::span(&name->sin_addr, 1)))) v4.push_back(*a);
        } else if (node->ai_family == AF_INET6) {
            const auto* name = reinterpret_cast<const sockaddr_in6*>(node->ai_addr);
            if (auto a = Address::from_bytes(std::as_bytes(std::span(&name->sin6_addr, 1)))) v6.push_back(*a);
        }
    }
    for (std::size_t i = 0; i < std::max(v4.size(), v6.size()); ++i) {
        if (i < v6.size()) mixed.push_back(v6[i]);
        if (i < v4.size()) mixed.push_back(v4[i]);
    }
    return mixed;
}

bool wanted(const Address& address, Families families) {
    return families == Families::both || (families == Families::v4) == address.is_v4();
}

/// Returns true for names that no server may be asked about (RFC 6761).
bool is_localhost(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    return name == "localhost" || name.ends_with(".localhost");
}

/// Returns the answer for an address, localhost or an impossible name; nothing if a server has to be asked.
std::optional<Result<std::vector<Address>>> known_answer(const std::string& name, Families families) {
    std::vector<Address> known;
    if (const auto literal = Address::parse(name)) {
        known = {*literal};
    } else if (is_localhost(name)) {
        known = {*Address::parse("127.0.0.1"), *Address::parse("::1")};
    } else if (name.empty() || name.size() > kMaxNameSize) {
        return make_error_code(Errc::name_not_found);
    } else {
        return std::nullopt;
    }
    std::erase_if(known, [&](const Address& address) { return !wanted(address, families); });
    if (known.empty()) return make_error_code(Errc::name_not_found);
    return known;
}

}  // namespace

/// c-ares channel whose sockets and timer run in an io_context.
class Resolver::Channel : public std::enable_shared_from_this<Channel> {
  public:
    Channel(SocketFactory& sockets, Options options)
        : sockets_(sockets), io_(sockets.io()), options_(std::move(options)), timer_(sockets.io()) {
        ares_library_init(ARES_LIB_INIT_ALL);
    }
    ~Channel() {
        close();
        ares_library_cleanup();
    }

    asio::io_context& io() { return io_; }

    /// Ends all questions and refuses new ones.
    void close() {
        closed_ = true;
        destroy();
        timer_.cancel();
        for (auto& [id, query] : queries_) {
            query->result = make_error_code(Errc::cancelled);
            query->timer.cancel();
        }
        queries_.clear();
    }

    /// Asks the question. Sets the query's result now or later.
    NameLookups::WaiterId ask(NameQuestion question, LookUp look_up, const std::shared_ptr<Query>& query) {
        const NameLookups::WaiterId id = next_id_++;
        if (closed_) {
            query->result = make_error_code(Errc::cancelled);
            return id;
        }
        query->result = lookups_.ask(id, question, look_up, Clock::now());
        if (query->result) return id;
        queries_.emplace(id, query);
        send_queued();
        return id;
    }

    void hurry(const NameQuestion& question) {
        lookups_.hurry(question);
        send_queued();
    }

    void leave(NameLookups::WaiterId id) {
        queries_.erase(id);
        lookups_.leave(id);
    }

  private:
    /// Argument of c-ares's callback. c-ares calls back exactly once, at the latest when the channel is
    /// destroyed.
    struct Asked {
        Channel* channel;
        NameQuestion question;
    };
    /// Socket that c-ares owns and closes.
    struct Watched {
        explicit Watched(asio::io_context& io, int fd) : descriptor(io, fd) {}
        asio::posix::stream_descriptor descriptor;
        bool wants_read = false, wants_write = false;
        bool waits_read = false, waits_write = false;
        bool closed = false;
    };

    void send_queued() {
        // c-ares may answer at once from the hosts file; its callback then calls this function again.
        if (std::exchange(sending_, true)) return;
        while (!closed_ && lookups_.queued() > 0) {
            const bool usable = ready();
            auto question = lookups_.poll_question();
            if (!question) break;
            if (usable) {
                send(*question);
            } else {
                end(*question, make_error_code(Errc::timed_out), {});
            }
        }
        sending_ = false;
        arm_timer();
    }

    void send(const NameQuestion& question) {
        ares_addrinfo_hints hints{};
        hints.ai_flags = ARES_AI_NOSORT;  // sorting would open sockets that SocketFactory did not bind
        hints.ai_family = question.families == Families::both ? AF_UNSPEC
                          : question.families == Families::v4 ? AF_INET
                                                              : AF_INET6;
        ares_getaddrinfo(channel_, question.name.c_str(), nullptr, &hints, &Channel::on_answer,
                         new Asked{this, question});
    }

    void end(const NameQuestion& question, const NameLookups::Answer& answer, Duration life) {
        for (const NameLookups::WaiterId id : lookups_.handle_answer(question, answer, life, Clock::now())) {
            const auto node = queries_.extract(id);
            if (node.empty()) continue;
            node.mapped()->result = answer;
            node.mapped()->timer.cancel();
        }
    }

    bool ready() {
        if (channel_ && lookups_.in_flight() == 0 && Clock::now() >= created_ + kChannelLife) destroy();
        if (channel_) return true;

        ares_options options{};
        options.timeout = static_cast<int>(
            std::chrono::duration_cast<std::chrono::milliseconds>(options_.first_try_timeout).count());
        options.tries = static_cast<int>(options_.tries);
        options.sock_state_cb = &Channel::on_socket_state;
        options.sock_state_cb_data = this;
        const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
        if (ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) {
            channel_ = nullptr;
            return false;
        }
        created_ = Clock::now();
        ares_set_socket_configure_callback(channel_, &Channel::on_socket_made, this);
        if (!options_.servers.empty()) {
            std::string list;
            for (const Endpoint& server : options_.servers) list += (list.empty() ? "" : ",") + server.text();
            if (ares_set_servers_ports_csv(channel_, list.c_str()) != ARES_SUCCESS) {
                destroy();
                return false;
            }
        }
        return true;
    }

    void destroy() {
        if (!channel_) return;
        ares_destroy(std::exchange(channel_, nullptr));
        assert(watched_.empty() && lookups_.in_flight() == 0);
    }

    static void on_answer(void* data, int status, int /*timeouts*/, ares_addrinfo* info) {
        const std::unique_ptr<Asked> asked(static_cast<Asked*>(data));
        Channel& channel = *asked->channel;
        std::vector<Address> found;
        Duration life{};
        if (status == ARES_SUCCESS && info) {
            found = addresses_of(*info);
            life = life_of(*info);
        }
        if (info) ares_freeaddrinfo(info);
        const NameLookups::Answer answer =
            found.empty() ? NameLookups::Answer(error_of(status)) : NameLookups::Answer(std::move(found));
        channel.end(asked->question, answer, life);
        if (channel.closed_ || channel.lookups_.queued() == 0) return;
        // Posted, because a c-ares function is running further up the call stack.
        asio::post(channel.io_, [weak = channel.weak_from_this()] {
            if (auto self = weak.lock()) self->send_queued();
        });
    }

    static int on_socket_made(ares_socket_t fd, int /*type*/, void* data) {
        int domain = 0;
        socklen_t size = sizeof domain;
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return -1;
        const AddressFamily family = domain == AF_INET6 ? AddressFamily::v6 : AddressFamily::v4;
        return static_cast<Channel*>(data)->sockets_.bind(fd, family) ? -1 : 0;
    }

    static void on_socket_state(void* data, ares_socket_t fd, int readable, int writable) {
        static_cast<Channel*>(data)->watch(fd, readable != 0, writable != 0);
    }

    void watch(int fd, bool readable, bool writable) {
        auto found = watched_.find(fd);
        if (!readable && !writable) {
            if (found == watched_.end()) return;
            found->second->closed = true;
            found->second->descriptor.release();  // c-ares closes it now
            watched_.erase(found);
            return;
        }
        if (found == watched_.end()) found = watched_.emplace(fd, std::make_shared<Watched>(io_, fd)).first;
        found->second->wants_read = readable;
        found->second->wants_write = writable;
        arm(fd, found->second);
    }

    void arm(int fd, const std::shared_ptr<Watched>& socket) {
        using Descriptor = asio::posix::stream_descriptor;
        if (socket->wants_read && !std::exchange(socket->waits_read, socket->wants_read)) {
            socket->descriptor.async_wait(Descriptor::wait_read, [weak = weak_from_this(), socket,
                                                                  fd](boost::system::error_code error) {
                socket->waits_read = false;
                if (auto self = weak.lock()) self->on_ready(error, socket, fd, true);
            });
        }
        if (socket->wants_write && !std::exchange(socket->waits_write, socket->wants_write)) {
            socket->descriptor.async_wait(Descriptor::wait_write, [weak = weak_from_this(), socket,
                                                                   fd](boost::system::error_code error) {
                socket->waits_write = false;
                if (auto self = weak.lock()) self->on_ready(error, socket, fd, false);
            });
        }
    }

    void on_ready(boost::system::error_code error, const std::shared_ptr<Watched>& socket, int fd,
                  bool to_read) {
        if (error || socket->closed || !channel_) return;
        ares_process_fd(channel_, to_read ? fd : ARES_SOCKET_BAD, to_read ? ARES_SOCKET_BAD : fd);
        if (!socket->closed) arm(fd, socket);
        arm_timer();
    }

    void arm_timer() {
        timeval wait{};
        if (!channel_ || !ares_timeout(channel_, nullptr, &wait)) {
            timer_.cancel();
            return;
        }
        timer_.expires_after(std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec));
        timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
            auto self = weak.lock();
            if (error || !self || !self->channel_) return;
            ares_process_fd(self->channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
            self->arm_timer();
        });
    }

    SocketFactory& sockets_;
    asio::io_context& io_;
    const Options options_;
    ares_channel channel_ = nullptr;
    TimePoint created_;
    NameLookups lookups_;
    std::unordered_map<NameLookups::WaiterId, std::shared_ptr<Query>> queries_;  ///< awaiting an answer
    NameLookups::WaiterId next_id_ = 0;
    bool sending_ = false;
    std::unordered_map<int, std::shared_ptr<Watched>> watched_;
    asio::steady_timer timer_;
    bool closed_ = false;
};

Resolver::Resolver(SocketFactory& sockets, Options options, proxy::StandIns* stand_ins)
    : channel_(std::make_shared<Channel>(sockets, std::move(options))), stand_ins_(stand_ins) {}

Resolver::~Resolver() {
    channel_->close();
}

void Resolver::hurry(const std::string& name, Families families) {
    channel_->hurry({name, families});
}

Awaitable<Result<std::vector<Address>>> Resolver::resolve(std::string name, Families families,
                                                          Duration timeout, LookUp look_up) {
    if (auto known = known_answer(name, families)) {
        // A literal address of class E must not lead to the name that it stands for.
        if (stand_ins_ && *known && proxy::StandIns::is_stand_in((*known)->front()))
            co_return make_error_code(Errc::name_not_found);
        co_return std::move(*known);
    }
    if (stand_ins_) {
        if (families == Families::v6) co_return make_error_code(Errc::name_not_found);
        co_return std::vector<Address>{stand_ins_->stand_in_of(name)};
    }

    const std::shared_ptr<Channel> channel = channel_;
    const auto query = std::make_shared<Query>(channel->io());
    const NameLookups::WaiterId id = channel->ask({std::move(name), families}, look_up, query);
    if (!query->result) {
        query->timer.expires_after(timeout);
        auto [error] = co_await query->timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (!query->result) {
            channel->leave(id);
            const Errc reason = error ? Errc::cancelled : Errc::timed_out;
            co_return make_error_code(reason);
        }
    }
    co_return std::move(*query->result);
}

}  // namespace btfs::net
