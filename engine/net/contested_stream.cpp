#include "engine/net/contested_stream.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <utility>

#include "engine/net/connector.hpp"

namespace btfs::net {

ContestedStream::Attempt::Attempt(ContestedStream& contest, Transport carrier,
                                  DialRace::Encryption encryption)
    : transport(carrier),
      encrypted(encryption.has_value()),
      race(contest.connector_, contest.to_, std::move(encryption),
           [&contest, this](Result<DialRace::Dialled> result) {
               contest.on_dialled(*this, std::move(result));
           }) {}

ContestedStream::ContestedStream(Connector& connector, const Endpoint& to, Course course, Connected connected)
    : connector_(connector),
      to_(to),
      course_(std::move(course)),
      connected_(std::move(connected)),
      begun_(Clock::now()),
      timer_(connector.io()) {}

void ContestedStream::begin() {
    if (uses_tcp(course_.transport)) attempts_.emplace_back(*this, Transport::tcp, std::nullopt);
    if (uses_utp(course_.transport)) attempts_.emplace_back(*this, Transport::utp, std::nullopt);
    const Transport encrypted = uses_tcp(course_.transport) ? Transport::tcp : Transport::utp;
    attempts_.emplace_back(*this, encrypted, course_.encryption);
    for (Attempt& attempt : attempts_) attempt.race.begin({.first = attempt.transport});
}

// ---- until the peer answers ----

void ContestedStream::on_dialled(Attempt& attempt, Result<DialRace::Dialled> result) {
    if (winner_ || attempt.failed) return;
    if (!result) return on_failed(attempt, result.error());
    attempt.stream = std::move(result->stream);
    const std::weak_ptr<bool> alive = alive_;
    if (const Connected connected = std::exchange(connected_, nullptr)) {
        connected(Clock::now() - begun_);
        if (alive.expired()) return;
    }
    if (attempt.encrypted) {
        attempt.sent = course_.encryption.initial_payload.size();
        if (greeting_.size() < attempt.sent) return on_failed(attempt, Errc::connection_closed);
        attempt.received = std::move(result->received);
        return win(attempt);
    }
    wait_for_answer(attempt);
    if (attempt.transport == Transport::utp && tcp_is_awaited(true)) return wait_for_tcp();
    greet();
}

bool ContestedStream::tcp_is_awaited(bool to_connect) const {
    return !tcp_is_late_ && std::ranges::any_of(attempts_, [&](const Attempt& attempt) {
        return attempt.is_tcp_in_clear() && !attempt.failed && !(to_connect && attempt.stream);
    });
}

void ContestedStream::wait_for_tcp() {
    timer_.expires_after(DialRace::kTcpGrace);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](Error error) {
        if (error || alive.expired()) return;
        tcp_is_late_ = true;
        on_tcp_gone();
    });
}

/// uTP waits for TCP no longer.
void ContestedStream::on_tcp_gone() {
    if (winner_) return;
    for (Attempt& attempt : attempts_)
        if (!attempt.failed && !attempt.received.empty()) return win(attempt);
    greet();
}

void ContestedStream::greet() {
    const bool utp_waits = tcp_is_awaited(true);
    for (Attempt& attempt : attempts_)
        if (!attempt.encrypted && (attempt.transport == Transport::tcp || !utp_waits)) send_greeting(attempt);
}

bool ContestedStream::send_greeting(Attempt& attempt) {
    if (!attempt.stream || attempt.failed) return false;
    while (attempt.sent < greeting_.size()) {
        const iovec rest{greeting_.data() + attempt.sent, greeting_.size() - attempt.sent};
        const auto n = attempt.stream->write({&rest, 1});
        if (!n || *n == 0) return false;  // a failure shows when reading, too
        attempt.sent += *n;
    }
    return true;
}

void ContestedStream::wait_for_answer(Attempt& attempt) {
    attempt.stream->wait_readable([this, &attempt, alive = std::weak_ptr(alive_)](Error error) {
        if (!alive.expired() && !winner_) on_readable(attempt, error);
    });
}

void ContestedStream::on_readable(Attempt& attempt, Error error) {
    if (error) return on_failed(attempt, error);
    std::array<std::byte, kReadSize> bytes;
    const iovec into{bytes.data(), bytes.size()};
    const auto n = attempt.stream->read({&into, 1});
    if (!n) return on_failed(attempt, n.error());
    if (*n == 0) return wait_for_answer(attempt);
    attempt.received.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(*n));
    if (attempt.transport == Transport::tcp || !tcp_is_awaited(false)) return win(attempt);
    wait_for_tcp();
}

void ContestedStream::on_failed(Attempt& attempt, Error error) {
    attempt.failed = true;
    attempt.stream.reset();
    if (!broken_ || attempt.is_tcp_in_clear()) broken_ = error;
    const bool over = std::ranges::all_of(attempts_, [](const Attempt& each) { return each.failed; });
    if (over) return fail(broken_);
    if (attempt.is_tcp_in_clear()) on_tcp_gone();
}

void ContestedStream::fail(Error error) {
    failed_ = true;
    if (const Connected connected = std::exchange(connected_, nullptr)) return connected(error);
    answer_waits();
}

void ContestedStream::win(Attempt& attempt) {
    timer_.cancel();
    winner_ = &attempt;
    broken_ = {};
    attempts_.remove_if([&](const Attempt& other) { return &other != &attempt; });
    const std::weak_ptr<bool> alive = alive_;
    if (const Settled settled = std::exchange(settled_, nullptr)) settled(is_utp(), attempt.encrypted);
    if (alive.expired()) return;
    send_greeting(attempt);
    answer_waits();
}

/// The contest is over, or all attempts have failed.
void ContestedStream::answer_waits() {
    const Ready readable = std::exchange(readable_, nullptr), writable = std::exchange(writable_, nullptr);
    const std::weak_ptr<bool> alive = alive_;
    if (readable) readable({});  // which may destroy this; reading tells of a failure
    if (writable && !alive.expired()) writable({});
}

// ---- the user's ----

Result<std::size_t> ContestedStream::read(std::span<const iovec> into) {
    if (!winner_) return failed_ ? Result<std::size_t>(broken_) : Result<std::size_t>(std::size_t{0});
    Bytes& received = winner_->received;
    if (received.empty()) return winner_->stream->read(into);
    std::size_t total = 0;
    for (const iovec& part : into) {
        const std::size_t size = std::min(part.iov_len, received.size() - received_read_);
        if (size > 0) std::memcpy(part.iov_base, received.data() + received_read_, size);
        received_read_ += size;
        total += size;
    }
    if (received_read_ == received.size()) received = {};
    return total;
}

Result<std::size_t> ContestedStream::write(std::span<const iovec> from) {
    if (winner_) return send_greeting(*winner_) ? winner_->stream->write(from) : std::size_t{0};
    if (failed_) return broken_;
    const std::size_t before = greeting_.size();
    for (const iovec& part : from) {
        const auto* bytes = static_cast<const std::byte*>(part.iov_base);
        const std::size_t size = std::min(part.iov_len, kMaxGreeting - greeting_.size());
        greeting_.insert(greeting_.end(), bytes, bytes + size);
    }
    greet();
    return greeting_.size() - before;
}

void ContestedStream::set_receive_low_water(std::size_t bytes) {
    if (winner_) winner_->stream->set_receive_low_water(bytes);
}

void ContestedStream::acknowledge_soon() {
    if (winner_) winner_->stream->acknowledge_soon();
}

std::optional<Stream::RoundTrip> ContestedStream::round_trip() {
    return winner_ ? winner_->stream->round_trip() : std::nullopt;
}

std::optional<Stream::Reception> ContestedStream::reception() {
    return winner_ ? winner_->stream->reception() : std::nullopt;
}

void ContestedStream::wait_readable(Ready ready) {
    if (winner_ && winner_->received.empty()) return winner_->stream->wait_readable(std::move(ready));
    readable_ = std::move(ready);
    if (winner_ || failed_) answer_waits_soon();
}

void ContestedStream::wait_writable(Ready ready) {
    if (winner_) return winner_->stream->wait_writable(std::move(ready));
    writable_ = std::move(ready);
    if (failed_) answer_waits_soon();
}

void ContestedStream::answer_waits_soon() {
    boost::asio::post(connector_.io(), [this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) answer_waits();
    });
}

Address ContestedStream::local() const {
    for (const Attempt& attempt : attempts_)
        if (attempt.stream) return attempt.stream->local();
    return {};
}

}  // namespace btfs::net
