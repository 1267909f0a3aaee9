#include "engine/net/peer_connection.hpp"

#include <utility>

namespace btfs::net {
namespace {

/// Reads in one turn of the loop before other connections get theirs.
constexpr int kReadsPerTurn = 2;
constexpr std::size_t kMaxBuffers = 32;
/// A read that brought less than this has emptied the socket.
constexpr std::size_t kProbablyMore = 64 * 1024;
/// A peer that sent something within this time will send the rest of its block soon, so we need not wake up
/// for each packet. Each packet of a slower peer wakes us: it is a sign of life.
constexpr Duration kQuick = std::chrono::milliseconds(100);
/// With more bytes requested than this, Nagle's algorithm holds back no part of an answer: another answer
/// follows it.
constexpr std::uint64_t kLittle = 256 * 1024;
/// While content is sent, the torrent is told the round trip so often at most.
constexpr Duration kRoundTripEvery = std::chrono::milliseconds(50);
/// While content comes, the torrent is told of the kernel's account so often at most.
constexpr Duration kReceptionEvery = std::chrono::milliseconds(400);

}  // namespace

PeerConnection::PeerConnection(Torrent& torrent, ConnectionId id, std::unique_ptr<Stream> stream,
                               AfterEvent after_event)
    : torrent_(torrent), id_(id), stream_(std::move(stream)), after_event_(std::move(after_event)) {}

void PeerConnection::start() {
    wait_readable();
    flush();
}

void PeerConnection::feed(ByteView bytes) {
    const auto after_event = after_event_;
    torrent_.handle_bytes(id_, bytes, Clock::now());
    after_event();
}

void PeerConnection::wait_readable() {
    const wire::PeerSession* session = torrent_.session(id_);
    reading_paused_ =
        session && !broken_ && session->control_backlog() > wire::PeerSession::kMaxControlBacklog;
    if (reading_paused_) return;  // flush() resumes reading
    const TimePoint turn = Clock::now();
    const bool quick = turn < last_turn_ + kQuick;
    stream_->set_receive_low_water(session && quick ? session->worth_receiving() : 1);
    last_turn_ = turn;
    if (session && session->requests().size() > 0 && session->requests().bytes() <= kLittle)
        stream_->acknowledge_soon();
    stream_->wait_readable([this, alive = std::weak_ptr(alive_)](Error error) {
        if (!alive.expired()) error ? closed() : on_readable();
    });
}

void PeerConnection::on_readable() {
    const auto after_event = after_event_;
    const std::weak_ptr<bool> alive = alive_;
    bool more = true;
    for (int i = 0; i < kReadsPerTurn && more; ++i)
        if (!read_once(more)) return;
    after_event();
    if (!alive.expired()) wait_readable();
}

void PeerConnection::resume_reading() {
    if (std::exchange(reading_paused_, false)) wait_readable();
}

bool PeerConnection::read_once(bool& more) {
    wire::PeerSession* session = torrent_.session(id_);
    if (!session) return true;  // disconnected; the torrent tells the owner
    std::array<iovec, kMaxBuffers> buffers;
    const std::size_t count = session->receive_buffers(buffers);
    auto n = stream_->read(std::span(buffers).first(count));
    if (!n) {
        closed();
        return false;
    }
    more = *n >= kProbablyMore;
    if (*n == 0) return true;
    const TimePoint now = Clock::now();
    tell_reception(now);
    torrent_.handle_received(id_, *n, now);
    return true;
}

void PeerConnection::flush() {
    if (waiting_to_write_) return;
    for (;;) {
        wire::PeerSession* session = torrent_.session(id_);
        if (!session) return;
        if (session->control_backlog() <= wire::PeerSession::kMaxControlBacklog / 2) resume_reading();
        if (!session->has_output()) return;
        std::array<iovec, kMaxBuffers> buffers;
        const std::size_t count = session->send_buffers(buffers);
        auto n = stream_->write(std::span(buffers).first(count));
        if (!n) {  // the read fails as well, and closes the connection
            broken_ = true;
            return resume_reading();
        }
        if (*n == 0) break;
        const TimePoint now = Clock::now();
        torrent_.handle_sent(id_, *n, now);
        tell_round_trip(now);
    }
    waiting_to_write_ = true;
    stream_->wait_writable([this, alive = std::weak_ptr(alive_)](Error error) {
        if (alive.expired()) return;
        waiting_to_write_ = false;
        if (error) return closed();
        const auto after_event = after_event_;
        flush();
        after_event();
    });
}

void PeerConnection::tell_round_trip(TimePoint now) {
    const wire::PeerSession* session = torrent_.session(id_);
    if (!session || session->content_sent() == content_told_ || now < round_trip_told_ + kRoundTripEvery)
        return;
    round_trip_told_ = now;
    content_told_ = session->content_sent();
    if (const auto trip = stream_->round_trip())
        torrent_.handle_round_trip(id_, trip->latest, trip->shortest);
}

void PeerConnection::tell_reception(TimePoint now) {
    if (now < reception_told_ + kReceptionEvery) return;
    reception_told_ = now;
    const auto reception = stream_->reception();
    const auto trip = reception ? stream_->round_trip() : std::nullopt;
    if (trip)
        torrent_.handle_reception(
            id_, {reception->packets, reception->out_of_order, trip->latest, trip->shortest});
}

void PeerConnection::closed() {
    const auto after_event = after_event_;
    torrent_.handle_closed(id_, Clock::now());
    after_event();
}

}  // namespace btfs::net
