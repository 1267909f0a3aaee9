#include "engine/net/connect_to_first.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <memory>
#include <optional>

#include "engine/net/asio_endpoint.hpp"

namespace btfs::net {
namespace asio = boost::asio;
namespace {

using asio::ip::tcp;

/// Connection attempts to the addresses of one host. Their handlers share ownership, since they may run after
/// the coroutine has ended.
class Race : public std::enable_shared_from_this<Race> {
  public:
    explicit Race(SocketFactory& sockets) : wake(sockets.io()), sockets_(sockets) {}

    /// Each attempt that ends cancels `wake`.
    asio::steady_timer wake;
    std::optional<ConnectedSocket> winner;
    Error last_error = Errc::name_not_found;

    bool idle() const { return attempts_.empty(); }
    TimePoint next_timeout() const { return idle() ? kNever : attempts_.begin()->second.deadline; }

    void begin(const Address& address, std::uint16_t port) {
        auto socket = sockets_.tcp(address.family());
        if (!socket) {
            last_error = socket.error();
            return;
        }
        const std::uint64_t id = next_id_++;
        auto& attempt =
            attempts_.try_emplace(id, Attempt{std::move(*socket), address, Clock::now() + kConnectTimeout})
                .first->second;
        attempt.socket.async_connect(to_asio<tcp>(Endpoint{address, port}),
                                     [self = shared_from_this(), id](Error error) { self->end(id, error); });
    }

    void handle_timeout(TimePoint now) {
        while (next_timeout() <= now) {
            last_error = Errc::timed_out;
            attempts_.erase(attempts_.begin());
        }
    }

    void abandon() { attempts_.clear(); }

  private:
    struct Attempt {
        tcp::socket socket;
        Address address;
        TimePoint deadline;
    };

    void end(std::uint64_t id, Error error) {
        auto attempt = attempts_.extract(id);
        if (attempt.empty()) return;
        if (error) {
            last_error = error;
        } else if (!winner) {
            winner.emplace(ConnectedSocket{std::move(attempt.mapped().socket), attempt.mapped().address});
        }
        wake.cancel();
    }

    SocketFactory& sockets_;
    std::map<std::uint64_t, Attempt> attempts_;  ///< in the order in which they began
    std::uint64_t next_id_ = 0;
};

/// Guard that closes the sockets of unfinished attempts when the coroutine ends, also by cancellation.
struct AbandonedAtEnd {
    Race& race;
    ~AbandonedAtEnd() { race.abandon(); }
};

}  // namespace

asio::awaitable<Result<ConnectedSocket>> connect_to_first(SocketFactory& sockets,
                                                          std::vector<Address> addresses, std::uint16_t port,
                                                          TimePoint deadline) {
    const auto race = std::make_shared<Race>(sockets);
    const AbandonedAtEnd abandoned_at_end{*race};
    std::size_t next = 0;
    TimePoint next_due{};
    for (;;) {
        const TimePoint now = Clock::now();
        race->handle_timeout(now);
        if (race->winner) co_return std::move(*race->winner);
        if (now >= deadline) co_return make_error_code(Errc::timed_out);
        if (next < addresses.size() && (now >= next_due || race->idle())) {
            race->begin(addresses[next++], port);
            next_due = now + kConnectionAttemptDelay;
            continue;
        }
        if (race->idle()) co_return race->last_error;
        const TimePoint due = std::min(deadline, race->next_timeout());
        race->wake.expires_at(next < addresses.size() ? std::min(due, next_due) : due);
        co_await race->wake.async_wait(asio::as_tuple(asio::use_awaitable));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) co_return make_error_code(Errc::cancelled);
    }
}

}  // namespace btfs::net
