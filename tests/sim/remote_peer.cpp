#include "tests/sim/remote_peer.hpp"

#include <algorithm>
#include <string>

namespace btfs::sim {
namespace {

/// Bytes that a peer's send buffer holds beside those in flight.
constexpr double kBufferTime = 0.1;  // seconds at its rate
constexpr std::size_t kLeastBuffer = 2 * kBlockSize;
constexpr double kTrickle = 1024;  // bytes per second
constexpr std::size_t kDownloadsAtATime = 8;
constexpr std::uint64_t kOwed = 12;  // requests
constexpr std::uint64_t kSpoiltOf = 16;
constexpr Duration kFloodEvery = 100ms;
constexpr int kFloodBurst = 50;
constexpr std::size_t kMostFlooded = 64 * 1024;

}  // namespace

/// Peer's end of a connection with the client, side b.
class RemotePeer::Line final : public Socket, private wire::BlockPlaces {
  public:
    Line(RemotePeer& peer, const Endpoint& client, wire::Direction direction)
        : peer_(peer),
          have_(peer.have_),
          session_({.direction = direction,
                    .identity = peer.context_.identity,
                    .layout = &peer.context_.layout,
                    .our_id = id_of(peer.number_ +
                                    100'000 * peer.lines_.size() * (direction == wire::Direction::outgoing)),
                    .remote = client,
                    .listen_port = 6881,
                    .interested = false,
                    .have = have_},
                   *this, peer.context_.events.now()) {
        patience_ = 20 + peer_.rng_.below(200);
    }

    bool open() const { return open_; }
    bool serves() const { return open_ && !session_.am_choking(); }
    void attach(Connection& connection) {
        connection_ = &connection;
        keep_alive();
    }
    void keep_alive() {
        if (!open_) return;
        session_.handle_timeout(now());
        if (peer_.options_.conduct == Conduct::floods && session_.greeted()) flood();
        flush();
        const bool floods = peer_.options_.conduct == Conduct::floods;
        peer_.context_.events.after(floods ? kFloodEvery : Duration(30s), [this] { keep_alive(); });
    }
    void close() {
        if (!open_) return;
        open_ = false;
        connection_->close(Connection::b);
    }
    void announce(PieceIndex piece) {
        if (open_ && have_.set(piece)) session_.announce_have(piece);
        flush();
    }

    std::size_t take(std::span<std::byte> out) override {
        if (!open_) return 0;
        fill_buffer();
        const std::size_t size = std::min({out.size(), buffered(), allowance()});
        std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(buffer_begin_), size, out.begin());
        buffer_begin_ += size;
        if (2 * buffer_begin_ > buffer_.size()) {
            buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(buffer_begin_));
            buffer_begin_ = 0;
        }
        sent_ += size;
        if (peer_.options_.conduct == Conduct::leaves && sent_ > patience_ * 3001) close();
        return size;
    }

    void on_bytes(ByteView bytes) override {
        if (!open_) return;
        session_.handle_bytes(bytes, now());
        while (auto event = session_.poll_event()) {
            if (std::holds_alternative<wire::Failed>(*event)) return close();
            on_event(*event);
        }
        download();
        flush();
    }
    void on_closed() override { open_ = false; }

  private:
    static wire::PeerId id_of(std::size_t number) {
        std::array<std::byte, 12> tail{};
        for (std::size_t i = 0; i < 4; ++i) tail[i] = static_cast<std::byte>(number >> (8 * i));
        return wire::make_peer_id(tail);
    }
    std::span<std::byte> place_of(const BlockRef&) override { return {}; }
    TimePoint now() const { return peer_.context_.events.now(); }
    void flush() {
        if (!open_) return;
        fill_buffer();
        if (buffered() > 0) connection_->wake(Connection::b);
    }

    std::size_t buffered() const { return buffer_.size() - buffer_begin_; }
    // Fills the send buffer. A Cancel comes too late for blocks in it, and messages wait behind them.
    void fill_buffer() {
        const auto most = std::max(kLeastBuffer, static_cast<std::size_t>(kBufferTime * peer_.host_.link.up));
        while (buffered() < most) {
            serve();
            iovec parts[32];
            const std::size_t count = session_.send_buffers(parts);
            std::size_t size = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const auto* begin = static_cast<const std::byte*>(parts[i].iov_base);
                buffer_.insert(buffer_.end(), begin, begin + parts[i].iov_len);
                size += parts[i].iov_len;
            }
            if (size == 0) return;
            session_.handle_sent(size, now());
        }
    }

    void on_event(const wire::PeerEvent& event) {
        const Conduct conduct = peer_.options_.conduct;
        if (std::holds_alternative<wire::InterestChanged>(event) && session_.peer_interested()) {
            peer_.context_.events.after(peer_.options_.unchokes_after, [this] {
                if (!open_ || !session_.peer_interested()) return;
                session_.set_choking(false);
                flush();
            });
        }
        if (const auto* wanted = std::get_if<wire::BlockWanted>(&event)) {
            ++requests_;
            if (conduct == Conduct::refuses) return session_.refuse_block(wanted->block);
            if (conduct == Conduct::ignores || conduct == Conduct::crowds) return;
            if (conduct == Conduct::leaves_owing && requests_ % kOwed == 0) return close();
            queue_.push_back(wanted->block);
            if (conduct == Conduct::flaps && requests_ % 7 == 0) {
                session_.set_choking(true);
                session_.set_choking(false);
            }
        }
        if (const auto* unwanted = std::get_if<wire::BlockNotWanted>(&event))
            std::erase(queue_, unwanted->block);
        if (const auto* arrived = std::get_if<wire::BlockArrived>(&event)) take_block(*arrived);
        if (const auto* refused = std::get_if<wire::BlockRefused>(&event)) {
            if (refused->block.piece == fetched_) fetched_.reset();
        }
    }

    /// Returns how many bytes may leave now. Wakes a peer that trickles when it may send more.
    std::size_t allowance() {
        if (peer_.options_.conduct == Conduct::slow_loris) {
            if (now() < trickle_due_) return 0;
            trickle_due_ = now() + 1s;
            peer_.context_.events.at(trickle_due_, [this] { flush(); });
            return 1;
        }
        if (peer_.options_.conduct != Conduct::trickles || sent_ < kBlockSize) return SIZE_MAX;
        if (now() < trickle_due_) return 0;
        trickle_due_ = now() + from_seconds(512 / kTrickle);
        peer_.context_.events.at(trickle_due_, [this] { flush(); });
        return 512;
    }

    void serve() {
        while (!queue_.empty() && session_.upload_backlog() < kBlockSize) {
            if (peer_.options_.conduct == Conduct::stalls && served_ >= patience_) return;
            const BlockRef block = queue_.front();
            queue_.pop_front();
            ++served_;
            ContentView content{Content::shared().view(range_of(peer_.context_.layout, block)), nullptr};
            const bool is_the_one = block.offset_in_piece / kBlockSize == peer_.number_ % kSpoiltOf;
            if ((peer_.options_.conduct == Conduct::corrupts && peer_.rng_.below(100) == 0) ||
                (peer_.options_.conduct == Conduct::corrupts_one && is_the_one)) {
                auto copy =
                    std::make_shared<std::vector<std::byte>>(content.bytes.begin(), content.bytes.end());
                (*copy)[peer_.rng_.below(copy->size())] ^= std::byte{1};
                content = {*copy, copy};
            }
            session_.send_block(block, content);
        }
    }

    /// Sends a flood of messages, of one kind for each peer.
    void flood() {
        const auto count = peer_.context_.layout.piece_count();
        const auto piece = PieceIndex(static_cast<std::uint32_t>(peer_.rng_.below(count)));
        const BlockRef block = peer_.context_.layout.payload(piece, 0);
        Bytes bytes;
        for (int i = 0; i < kFloodBurst; ++i) {
            switch (peer_.number_ % 8) {
                case 0:
                    append_message(bytes, wire::HaveAll{});
                    break;
                case 1:
                    append_message(bytes, wire::Have{piece});
                    break;
                case 2:
                    append_message(bytes, wire::Request{block});
                    append_message(bytes, wire::Cancel{block});
                    break;
                case 3:
                    append_message(bytes, wire::Interested{});
                    append_message(bytes, wire::NotInterested{});
                    break;
                case 4:
                    append_message(bytes, wire::Choke{});
                    append_message(bytes, wire::Unchoke{});
                    break;
                case 5:
                    append_message(bytes, wire::AllowedFast{piece});
                    break;
                case 6:
                    append_message(bytes, wire::Extended{wire::kDontHaveId, wire::encode_dont_have(piece)});
                    break;
                default:
                    append_message(bytes, wire::KeepAlive{});
                    break;
            }
        }
        if (buffered() < kMostFlooded) buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    }

    // ---- downloading from the client, piece by piece ----

    void download() {
        if (!peer_.options_.downloads || have_.all()) return;
        if (!fetched_) {
            const std::uint32_t count = peer_.context_.layout.piece_count();
            const auto from = static_cast<std::uint32_t>(peer_.rng_.below(count));
            for (std::uint32_t i = 0; i < count && !fetched_; ++i) {
                const PieceIndex piece((from + i) % count);
                if (session_.has(piece) && !have_.test(piece)) fetched_ = piece;
            }
            next_block_ = blocks_here_ = 0;
        }
        session_.set_interested(fetched_.has_value());
        while (fetched_ && next_block_ < peer_.context_.layout.block_count(*fetched_) &&
               session_.may_request(*fetched_) && session_.requests().size() < kDownloadsAtATime)
            session_.request(peer_.context_.layout.payload(*fetched_, next_block_++), now());
    }

    void take_block(const wire::BlockArrived& arrived) {
        const ByteView truth = Content::shared().view(range_of(peer_.context_.layout, arrived.block));
        if (!std::ranges::equal(truth, ByteView(arrived.data))) ++peer_.wrong_uploads_;
        if (arrived.block.piece != fetched_) return;
        if (++blocks_here_ < peer_.context_.layout.block_count(*fetched_)) return;
        peer_.have_.set(*fetched_);
        announce(*fetched_);
        fetched_.reset();
    }

    RemotePeer& peer_;
    Bitfield have_;  // the pieces that the client was told of
    wire::PeerSession session_;
    Connection* connection_ = nullptr;
    bool open_ = true;
    Bytes buffer_;
    std::size_t buffer_begin_ = 0;
    std::uint64_t sent_ = 0;
    std::deque<BlockRef> queue_;
    std::uint64_t requests_ = 0;
    std::uint64_t served_ = 0;
    std::uint64_t patience_ = 0;
    TimePoint trickle_due_{};
    std::optional<PieceIndex> fetched_;
    std::uint32_t next_block_ = 0;
    std::uint32_t blocks_here_ = 0;
};

RemotePeer::RemotePeer(const Context& context, const PeerOptions& options, std::size_t number, Callee* callee)
    : context_(context),
      options_(options),
      number_(number),
      rng_(number * 7919 + 1),
      endpoint_(*Endpoint::parse(
          (options.has_public_address ? "20." : "10.") + std::to_string(number / 65536 % 256) + "." +
          std::to_string(number / 256 % 256) + "." + std::to_string(number % 256) + ":6881")),
      host_(options.link),
      full_rate_(options.link.up),
      have_(context.layout.piece_count(), options.pieces >= 1),
      callee_(callee) {
    if (options.pieces < 1) {
        for (std::uint32_t i = 0; i < have_.size(); ++i)
            if (rng_.fraction() < options.pieces) have_.set(PieceIndex(i));
    }
    context_.events.after(options.joins_at, [this] { present_ = true; });
    context_.events.after(options.leaves_at, [this] {
        present_ = false;
        close_all();
    });
    if (options.reconnects_every > Duration{}) reconnect_later();
    if (options.calls_every > Duration{}) context_.events.after(options.joins_at, [this] { call(); });
    if (options.rate_changes_every > Duration{})
        context_.events.after(options.rate_changes_every, [this] { change_rate(); });
    if (options.gains > 0) context_.events.after(from_seconds(1 / options.gains), [this] { gain_piece(); });
}

RemotePeer::~RemotePeer() = default;

bool RemotePeer::accepts() const {
    return present_ && options_.reachable && (lines_.empty() || !lines_.back()->open());
}

bool RemotePeer::serves() const {
    return present_ && !lines_.empty() && lines_.back()->serves();
}

Connection& RemotePeer::connect(Host& from, Socket& client, const Endpoint& client_endpoint,
                                wire::Direction direction) {
    lines_.push_back(std::make_unique<Line>(*this, client_endpoint, direction));
    Connection& connection = context_.network.connect(from, client, host_, *lines_.back());
    lines_.back()->attach(connection);
    return connection;
}

void RemotePeer::close_all() {
    for (const auto& line : lines_) line->close();
}

void RemotePeer::reconnect_later() {
    context_.events.after(options_.reconnects_every, [this] {
        close_all();
        reconnect_later();
    });
}

/// Connects to the client from another port, whether the last connection was admitted or not.
void RemotePeer::call() {
    if (present_ && callee_) callee_->call(*this, {endpoint_.address, next_port_++});
    context_.events.after(options_.calls_every, [this] { call(); });
}

void RemotePeer::change_rate() {
    const double least = options_.rate_falls_to;
    host_.link.up = full_rate_ * (least + (1 - least) * rng_.fraction());
    context_.events.after(options_.rate_changes_every, [this] { change_rate(); });
}

void RemotePeer::gain_piece() {
    if (have_.all()) return;
    const auto from = static_cast<std::uint32_t>(rng_.below(have_.size()));
    for (std::uint32_t i = 0; i < have_.size(); ++i) {
        const PieceIndex piece((from + i) % have_.size());
        if (!have_.set(piece)) continue;
        if (!lines_.empty()) lines_.back()->announce(piece);
        break;
    }
    context_.events.after(from_seconds(1 / options_.gains), [this] { gain_piece(); });
}

}  // namespace btfs::sim
