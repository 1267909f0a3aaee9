#include "tests/sim/remote_peer.hpp"

#include <algorithm>
#include <string>

#include "engine/wire/allowed_fast.hpp"
#include "tests/sim/allowed_fast_filter.hpp"
#include "tests/sim/trader.hpp"

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
constexpr std::size_t kMostConnections = 200;
constexpr std::size_t kIds = 100'000;         // of peer ids, the first of each peer
constexpr Duration kAway = 1s;                // of a peer that comes back under another id
constexpr std::size_t kLibtorrentGrants = 5;  // pieces

Endpoint endpoint_of(const PeerOptions& options, std::size_t number) {
    return *Endpoint::parse((options.has_public_address ? "20." : "10.") +
                            std::to_string(number / 65536 % 256) + "." + std::to_string(number / 256 % 256) +
                            "." + std::to_string(number % 256) + ":6881");
}

}  // namespace

/// Peer's end of a connection.
class RemotePeer::Line final : public Socket, public TradeLine, private wire::BlockPlaces {
  public:
    Line(RemotePeer& peer, const Node& other, const Endpoint& its_endpoint, wire::Direction direction,
         Connection::Side side)
        : peer_(peer),
          number_(peer.lines_.size()),
          to_client_(other.is_client()),
          side_(side),
          have_(peer.have_),
          filter_(granted(peer, its_endpoint.address)),
          session_({.direction = direction,
                    .identity = peer.context_.identity,
                    .layout = &peer.context_.layout,
                    .our_id = id_for(peer, direction),
                    .remote = its_endpoint,
                    .listen_port = 6881,
                    .interested = false,
                    .have = have_},
                   *this, peer.context_.events.now()) {
        patience_ = 20 + peer_.rng_.below(200);
    }

    bool open() const { return open_; }
    bool serves() const { return open_ && to_client_ && !session_.am_choking(); }
    bool to_client() const { return to_client_; }
    wire::PeerSession& session() override { return session_; }
    const wire::PeerSession& session() const override { return session_; }
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
        connection_->close(side_);
        if (peer_.trader_) peer_.trader_->leave(number_);
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
            if (!open_) return;
        }
        download();
        flush();
    }
    void on_closed() override {
        open_ = false;
        if (peer_.trader_) peer_.trader_->leave(number_);
    }
    void flush() override {
        if (!open_) return;
        fill_buffer();
        if (buffered() > 0) connection_->wake(side_);
    }

  private:
    static wire::PeerId id_for(const RemotePeer& peer, wire::Direction direction) {
        const std::size_t outgoing = direction == wire::Direction::outgoing ? peer.lines_.size() : 0;
        const std::size_t number = peer.number() + kIds * (peer.trader_ ? peer.identity_ : outgoing);
        std::array<std::byte, 12> tail{};
        for (std::size_t i = 0; i < 4; ++i) tail[i] = static_cast<std::byte>(number >> (8 * i));
        return wire::make_peer_id(tail);
    }
    std::span<std::byte> place_of(const BlockRef&) override { return {}; }
    /// Pieces that the other may ask for while it is choked. Only an honest libtorrent offers some.
    static std::optional<AllowedFastFilter> granted(const RemotePeer& peer, const Address& other) {
        if (!peer.trader_) return std::nullopt;
        if (peer.options_.choking != Choking::libtorrent2 || !peer.honest()) return AllowedFastFilter({});
        return AllowedFastFilter(wire::allowed_fast_set(other, peer.context_.identity.wire_hash(),
                                                        peer.context_.layout.piece_count(),
                                                        kLibtorrentGrants));
    }
    TimePoint now() const { return peer_.context_.events.now(); }

    std::size_t buffered() const { return buffer_.size() - buffer_begin_; }
    // Fills the send buffer. A Cancel comes too late for blocks in it, and messages wait behind them.
    void fill_buffer() {
        const auto most =
            std::max(kLeastBuffer, static_cast<std::size_t>(kBufferTime * peer_.host().link.up));
        while (buffered() < most) {
            serve();
            iovec parts[32];
            const std::size_t count = session_.send_buffers(parts);
            std::size_t size = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const auto* begin = static_cast<const std::byte*>(parts[i].iov_base);
                if (filter_) {
                    filter_->pass({begin, parts[i].iov_len}, buffer_);
                } else {
                    buffer_.insert(buffer_.end(), begin, begin + parts[i].iov_len);
                }
                size += parts[i].iov_len;
            }
            if (size == 0) return;
            session_.handle_sent(size, now());
        }
    }

    void on_event(const wire::PeerEvent& event) {
        const Conduct conduct = peer_.options_.conduct;
        if (peer_.trader_) peer_.trader_->on_event(number_, event);
        if (!peer_.trader_ && std::holds_alternative<wire::InterestChanged>(event) &&
            session_.peer_interested()) {
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
            const bool is_the_one = block.offset_in_piece / kBlockSize == peer_.number() % kSpoiltOf;
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
            switch (peer_.number() % 8) {
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
        if (!to_client_) return;
        const ByteView truth = Content::shared().view(range_of(peer_.context_.layout, arrived.block));
        if (!std::ranges::equal(truth, ByteView(arrived.data))) ++peer_.wrong_uploads_;
        if (arrived.block.piece != fetched_) return;
        if (++blocks_here_ < peer_.context_.layout.block_count(*fetched_)) return;
        peer_.have_.set(*fetched_);
        announce(*fetched_);
        fetched_.reset();
    }

    RemotePeer& peer_;
    const std::size_t number_;  ///< of lines_
    const bool to_client_;
    const Connection::Side side_;
    Bitfield have_;                            // the pieces that the other was told of
    std::optional<AllowedFastFilter> filter_;  ///< of what is sent; nothing: all passes
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
    : Node(endpoint_of(options, number), number, options.link),
      context_(context),
      options_(options),
      rng_(options.seed + number * 7919 + 1),
      full_rate_(options.link.up),
      have_(context.layout.piece_count(), options.pieces >= 1),
      callee_(callee) {
    if (options.pieces < 1) {
        for (std::uint32_t i = 0; i < have_.size(); ++i)
            if (rng_.fraction() < options.pieces) have_.set(PieceIndex(i));
    }
    if (options.choking != Choking::none) {
        const Trader::Options trading{options.choking, options.conduct != Conduct::free_rides, rng_.next()};
        trader_ = std::make_unique<Trader>(context.events, context.layout, have_, trading,
                                           [this](PieceIndex piece) {
                                               for (const auto& line : lines_) line->announce(piece);
                                           });
    }
    context_.events.after(options.joins_at, [this] {
        present_ = true;
        if (trader_) trader_->start();
    });
    context_.events.after(options.leaves_at, [this] {
        present_ = false;
        close_all();
    });
    if (options.reconnects_every > Duration{}) reconnect_later();
    if (options.calls_every > Duration{}) context_.events.after(options.joins_at, [this] { call_later(); });
    if (options.rate_changes_every > Duration{})
        context_.events.after(options.rate_changes_every, [this] { change_rate(); });
    if (options.gains > 0) context_.events.after(from_seconds(1 / options.gains), [this] { gain_piece(); });
}

RemotePeer::~RemotePeer() = default;

bool RemotePeer::accepts(const Address& caller) const {
    if (!present_ || !options_.reachable) return false;
    if (!trader_) return lines_.empty() || !lines_.back()->open();
    const auto open = std::ranges::count_if(lines_, [](const auto& line) { return line->open(); });
    return static_cast<std::size_t>(open) < kMostConnections && !connected_to(caller);
}

bool RemotePeer::connected_to(const Address& address) const {
    return std::ranges::any_of(lines_, [&](const auto& line) {
        return line->open() && line->session().remote().address == address;
    });
}

bool RemotePeer::serves() const {
    return present_ && std::ranges::any_of(lines_, [](const auto& line) { return line->serves(); });
}

std::uint64_t RemotePeer::got_from_clients() const {
    std::uint64_t sum = 0;
    for (const auto& line : lines_)
        if (line->to_client()) sum += line->session().content_received();
    return sum;
}

std::uint64_t RemotePeer::given_to_clients() const {
    std::uint64_t sum = 0;
    for (const auto& line : lines_)
        if (line->to_client()) sum += line->session().content_sent();
    return sum;
}

std::uint64_t RemotePeer::given() const {
    std::uint64_t sum = 0;
    for (const auto& line : lines_) sum += line->session().content_sent();
    return sum;
}

RemotePeer::Line& RemotePeer::add_line(Node& other, const Endpoint& its_endpoint, wire::Direction direction,
                                       Connection::Side side) {
    lines_.push_back(std::make_unique<Line>(*this, other, its_endpoint, direction, side));
    if (trader_) trader_->join(lines_.size() - 1, *lines_.back());
    return *lines_.back();
}

Connection& RemotePeer::connect(Node& other, Socket& socket, const Endpoint& its_endpoint,
                                wire::Direction direction) {
    Line& line = add_line(other, its_endpoint, direction, Connection::b);
    Connection& connection = context_.network.connect(other.host(), socket, host(), line);
    line.attach(connection);
    return connection;
}

void RemotePeer::meet(std::vector<Node*> others) {
    others_ = std::move(others);
    context_.events.after(options_.joins_at, [this] {
        for (Node* other : others_) dial(*other);
    });
}

/// Connects to another node. Those that do not accept now will dial themselves when they join.
void RemotePeer::dial(Node& other) {
    context_.events.after(Network::round_trip(host(), other.host()), [this, &other] {
        if (!present_ || connected_to(other.endpoint().address) || !other.accepts(endpoint().address)) return;
        Line& line = add_line(other, other.endpoint(), wire::Direction::outgoing, Connection::a);
        line.attach(other.answer(*this, line, {endpoint().address, next_port_++}));
    });
}

void RemotePeer::close_all() {
    for (const auto& line : lines_) line->close();
}

void RemotePeer::reconnect_later() {
    context_.events.after(options_.reconnects_every, [this] {
        close_all();
        if (trader_) {
            ++identity_;
            context_.events.after(kAway, [this] { come_back(); });
        }
        reconnect_later();
    });
}

void RemotePeer::come_back() {
    for (Node* other : others_) dial(*other);
    call();
}

/// Connects to the client from another port, whether the last connection was admitted or not.
void RemotePeer::call() {
    if (present_ && callee_) callee_->call(*this, {endpoint().address, next_port_++});
}

void RemotePeer::call_later() {
    call();
    context_.events.after(options_.calls_every, [this] { call_later(); });
}

void RemotePeer::change_rate() {
    const double least = options_.rate_falls_to;
    host().link.up = full_rate_ * (least + (1 - least) * rng_.fraction());
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
