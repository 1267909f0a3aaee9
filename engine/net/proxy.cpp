#include "engine/net/proxy.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <exception>

#include "engine/http/http_url.hpp"
#include "engine/log/log.hpp"
#include "engine/net/closing_timer.hpp"
#include "engine/net/tcp_stream.hpp"
#include "engine/proxy/http_connect.hpp"
#include "engine/proxy/socks5_client.hpp"

namespace btfs::net {
namespace asio = boost::asio;
namespace {

using asio::ip::tcp;
using proxy::Protocol;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
/// Bytes of a proxy's answer that are looked at together.
constexpr std::size_t kLookSize = 512;

/// True once the coroutine was cancelled. An operation that was over by then, and whose completion was queued
/// alone, ends as if it was not, and no later operation hears of it.
Awaitable<bool> is_cancelled() {
    const auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

Error as_peers_failure(Error error) {
    return is_proxys_own(error) ? make_error_code(boost::system::errc::network_unreachable) : error;
}

}  // namespace

bool is_proxys_own(Error error) {
    return error == Errc::proxy_failed || error == Errc::proxy_malformed ||
           error == Errc::proxy_login_needed || error == Errc::proxy_login_refused;
}

Proxy::Proxy(asio::io_context& io, LocalBinding binding, proxy::ProxyUrl url, Duration patience)
    : sockets_(io, binding), url_(std::move(url)), patience_(patience), resolver_(sockets_, {}), timer_(io) {
    if (url_.protocol == Protocol::socks5) relay_.emplace(*this, std::move(binding));
}

void Proxy::handle_network_change() {
    if (relay_) relay_->handle_network_change();
    if (!down_) return;
    retry_ = kFirstRetry;
    retry_at_ = Clock::now();
    arm_timer();
    if (ready_) ready_();
}

Result<HostPort> Proxy::target_of(const Endpoint& to) const {
    if (!proxy::StandIns::is_stand_in(to.address)) return HostPort{to.address.text(), to.port};
    auto name = stand_ins_.name_of(to.address);
    // A magnet link may name any bytes as a peer's host, also such as would end a line of a request.
    if (!name || !http::is_usable_host(*name)) return Errc::address_malformed;
    return HostPort{std::move(*name), to.port};
}

/// Keeps whether the proxy itself works, as the last try has shown.
void Proxy::note(Error error) {
    if (error == Errc::cancelled) return;
    if (!is_proxys_own(error)) {
        if (!std::exchange(down_, false)) return;
        log::info("{}: the proxy answers again", url_.shown());
        retry_ = kFirstRetry;
        timer_.cancel();
        if (ready_) ready_();
        return;
    }
    const TimePoint now = Clock::now();
    if (down_ && now < retry_at_) return;  // one of those that began before
    if (!std::exchange(down_, true))
        log::warn("{}: {}; nothing goes out until that has changed", url_.shown(), error.message());
    retry_at_ = now + retry_;
    retry_ = std::min(2 * retry_, kLongestRetry);
    arm_timer();
}

void Proxy::arm_timer() {
    timer_.expires_at(std::max(retry_at_, Clock::now() + kFirstRetry));
    timer_.async_wait([this](Error ended) {
        if (ended || !down_) return;
        if (ready_) ready_();
        arm_timer();  // the dials that begin now may end without an answer
    });
}

bool Proxy::may_dial() const {
    return !down_ || (dials_ < kProbes && Clock::now() >= retry_at_);
}

Awaitable<Result<tcp::socket>> Proxy::connect_once(TimePoint deadline) {
    auto addresses = co_await resolver_.resolve(url_.host, Families::both, deadline - Clock::now());
    if (co_await is_cancelled()) co_return make_error_code(Errc::cancelled);
    if (!addresses) {
        const Errc why = addresses.error() == Errc::cancelled ? Errc::cancelled : Errc::proxy_failed;
        log::debug("{}: {}", url_.shown(), addresses.error().message());
        co_return make_error_code(why);
    }
    auto connected = co_await connect_to_first(sockets_, std::move(*addresses), url_.port, deadline);
    if (connected) co_return std::move(connected->socket);
    log::debug("{}: {}", url_.shown(), connected.error().message());
    const Errc why = connected.error() == Errc::cancelled ? Errc::cancelled : Errc::proxy_failed;
    co_return make_error_code(why);
}

Awaitable<Result<tcp::socket>> Proxy::connect(TimePoint deadline) {
    auto socket = co_await connect_once(std::min(deadline, Clock::now() + patience_));
    if (!socket) note(socket.error());  // a success says nothing of the login
    co_return std::move(socket);
}

/// Carries the machine's bytes; the request has to be sent by `request_by`. Reads none behind its
/// negotiation: they are the far side's. Returns how long the proxy took for the request.
template <class Machine>
Awaitable<Result<Duration>> Proxy::negotiate(tcp::socket& socket, Machine& machine, TimePoint request_by,
                                             TimePoint deadline) {
    ClosingTimer timer(socket);
    timer.expires_at(request_by);
    TimePoint requested_at = Clock::now();
    std::array<std::byte, kLookSize> look{};
    while (!machine.done()) {
        Error failed;
        const Bytes output = machine.take_output();
        if (!output.empty()) {
            auto [error, size] = co_await asio::async_write(socket, asio::buffer(output), kTuple);
            failed = error;
            requested_at = Clock::now();
        }
        if (machine.has_requested()) timer.expires_at(deadline);  // the far side takes its time from here
        if (co_await is_cancelled()) co_return make_error_code(Errc::cancelled);
        if (!failed) {
            auto [error] = co_await socket.async_wait(tcp::socket::wait_read, kTuple);
            failed = error;
        }
        if (co_await is_cancelled()) co_return make_error_code(Errc::cancelled);
        const Errc broken = machine.has_requested() ? Errc::proxy_refused : Errc::proxy_failed;
        if (failed && timer.expired())
            co_return make_error_code(machine.has_requested() ? Errc::timed_out : Errc::proxy_failed);
        if (failed == asio::error::operation_aborted) co_return make_error_code(Errc::cancelled);
        if (failed) co_return make_error_code(broken);
        const ssize_t there = recv(socket.native_handle(), look.data(), look.size(), MSG_PEEK);
        if (there < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (there <= 0) co_return make_error_code(broken);
        const auto taken = machine.handle_bytes(ByteView(look).first(static_cast<std::size_t>(there)));
        if (!taken) co_return taken.error();
        (void)recv(socket.native_handle(), look.data(), *taken, 0);
    }
    co_return Clock::now() - requested_at;
}

Awaitable<Result<Proxy::Tunnel>> Proxy::open(Endpoint to, TimePoint deadline) {
    const auto target = target_of(to);
    if (!target) co_return target.error();
    const TimePoint request_by = std::min(deadline, Clock::now() + patience_);
    auto socket = co_await connect(request_by);
    if (!socket) co_return socket.error();
    Result<Duration> took = make_error_code(Errc::cancelled);
    if (url_.protocol == Protocol::socks5) {
        proxy::Socks5Client machine(proxy::Socks5Client::Command::connect, *target, url_.credentials);
        took = co_await negotiate(*socket, machine, request_by, deadline);
    } else {
        proxy::HttpConnect machine(*target, url_.credentials);
        took = co_await negotiate(*socket, machine, request_by, deadline);
    }
    note(took ? Error() : took.error());
    if (!took) co_return took.error();
    co_return Tunnel{std::move(*socket), *took};
}

Awaitable<Result<Proxy::Association>> Proxy::associate(TimePoint deadline) {
    const TimePoint request_by = std::min(deadline, Clock::now() + patience_);
    auto socket = co_await connect(request_by);
    if (!socket) co_return socket.error();
    Error error;
    const bool v4 = socket->local_endpoint(error).address().is_v4();
    const HostPort from_anywhere{v4 ? "0.0.0.0" : "::", 0};
    proxy::Socks5Client machine(proxy::Socks5Client::Command::udp_associate, from_anywhere, url_.credentials);
    const Result<Duration> took = co_await negotiate(*socket, machine, request_by, deadline);
    note(took ? Error() : took.error());
    if (!took) co_return took.error();
    co_return Association{std::move(*socket), machine.bound()};
}

// ---- dials of peers ----

class Proxy::Dial final : public StreamDial {
  public:
    Dial(Proxy& proxy, const Endpoint& to, Done done) : proxy_(proxy), state_(std::make_shared<State>()) {
        ++proxy_.dials_;
        state_->done = std::move(done);
        asio::co_spawn(proxy_.sockets_.io(), run(proxy_, to, state_), End{state_});
    }
    ~Dial() override {
        --proxy_.dials_;
        if (std::exchange(state_->done, nullptr) && state_->begun)
            state_->signal.emit(asio::cancellation_type::terminal);
    }

  private:
    struct State {
        Done done;  ///< empty once the dial is gone
        bool begun = false;
        asio::cancellation_signal signal;
    };

    /// Handler of the coroutine's end. It has its slot itself, as TaskGroup's has, and for the same reason.
    struct End {
        std::shared_ptr<State> state;

        using cancellation_slot_type = asio::cancellation_slot;
        cancellation_slot_type get_cancellation_slot() const noexcept { return state->signal.slot(); }
        void operator()(const std::exception_ptr& error) const {
            if (!error) return;
            try {
                std::rethrow_exception(error);
            } catch (const std::exception& e) {
                log::debug("a dial through the proxy ended: {}", e.what());
            }
        }
    };

    static Awaitable<void> run(Proxy& proxy, Endpoint to, std::shared_ptr<State> state) {
        co_await asio::this_coro::throw_if_cancelled(false);
        // A coroutine begins within co_spawn() on this thread, and `done` must not be called within dial().
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
        state->begun = true;
        if (!state->done) co_return;  // it was given up before
        auto tunnel = co_await proxy.open(to, kNever);
        const Done done = std::exchange(state->done, nullptr);
        if (!done) co_return;
        if (tunnel) {
            done(Dialled{std::make_unique<TcpStream>(std::move(tunnel->socket), to, TcpStream::Way::tunnel),
                         tunnel->took});
        } else {
            done(as_peers_failure(tunnel.error()));
        }
    }

    Proxy& proxy_;
    const std::shared_ptr<State> state_;  // with the coroutine, which ends later
};

std::unique_ptr<StreamDial> Proxy::dial(const Endpoint& to, StreamDial::Done done) {
    return std::make_unique<Dial>(*this, to, std::move(done));
}

}  // namespace btfs::net
