#include "tests/sim/client.hpp"

#include <algorithm>
#include <utility>

namespace btfs::sim {
namespace {

constexpr Duration kDialTimeout = 10s;
/// Time until a reader's demand reaches the engine thread.
constexpr Duration kPost = 20us;

TorrentOptions with_id(TorrentOptions options, std::size_t number) {
    std::array<std::byte, 12> tail{};
    tail.fill(std::byte{0xfe});
    for (std::size_t i = 0; i < 4; ++i) tail[i] ^= static_cast<std::byte>(number >> (8 * i));
    options.peer_id = wire::make_peer_id(tail);
    options.ports.tcp = 6881;
    return options;
}

}  // namespace

/// Our end of a connection.
class Client::Line final : public Socket {
  public:
    Line(Client& client, Node& peer, ConnectionId the_id, Connection::Side the_side)
        : id(the_id),
          side(the_side),
          client_(client),
          peer_(peer),
          out_([this](WireTap::Id message, const BlockRef& block) { on_sent(message, block); }),
          in_([this](WireTap::Id message, const BlockRef& block) { on_received(message, block); }) {}

    std::size_t take(std::span<std::byte> out) override {
        wire::PeerSession* session = client_.torrent_.session(id);
        if (!session) return 0;
        iovec parts[32];
        const std::size_t count = session->send_buffers(parts);
        std::size_t size = 0;
        for (std::size_t i = 0; i < count && size < out.size(); ++i) {
            const std::size_t part = std::min(parts[i].iov_len, out.size() - size);
            std::copy_n(static_cast<const std::byte*>(parts[i].iov_base), part, out.data() + size);
            size += part;
        }
        if (size == 0) return 0;
        out_.feed(out.first(size));
        client_.torrent_.handle_sent(id, size, client_.context_.events.now());
        return size;
    }

    void on_bytes(ByteView bytes) override {
        in_.feed(bytes);
        while (!bytes.empty()) {
            wire::PeerSession* session = client_.torrent_.session(id);
            if (!session) break;
            iovec parts[32];
            const std::size_t count = session->receive_buffers(parts);
            std::size_t placed = 0;
            for (std::size_t i = 0; i < count && placed < bytes.size(); ++i) {
                const std::size_t part = std::min(parts[i].iov_len, bytes.size() - placed);
                std::copy_n(bytes.data() + placed, part, static_cast<std::byte*>(parts[i].iov_base));
                placed += part;
            }
            bytes = bytes.subspan(placed);
            client_.torrent_.handle_received(id, placed, client_.context_.events.now());
        }
        client_.settle();
    }

    void on_closed() override {
        if (client_.watcher_) client_.watcher_->on_end(peer_, "it has closed");
        if (auto line = client_.lines_.extract(id); !line.empty())
            client_.ended_.push_back(std::move(line.mapped()));
        client_.tell([&] { client_.torrent_.handle_closed(id, client_.context_.events.now()); });
    }

    const ConnectionId id;
    const Connection::Side side;
    Connection* connection = nullptr;
    bool snubbed = false;
    const Node& peer() const { return peer_; }
    void wake() { connection->wake(side); }
    void close() { connection->close(side); }
    /// For how long it has owed us blocks and sent none, by what has passed over the wire.
    Duration silence() const {
        return owed_ == 0 ? Duration{} : client_.context_.events.now() - silent_since_;
    }

  private:
    void on_sent(WireTap::Id message, const BlockRef& block) {
        if (message == WireTap::request && owed_++ == 0) silent_since_ = client_.context_.events.now();
        if (!client_.watcher_) return;
        if (message == WireTap::request) client_.watcher_->on_request(peer_, id, block);
        if (message == WireTap::cancel) client_.watcher_->on_cancel(peer_, block);
    }
    void on_received(WireTap::Id message, const BlockRef& block) {
        if (message == WireTap::piece) client_.count(id, block);
        if (message == WireTap::piece) silent_since_ = client_.context_.events.now();
        if (message == WireTap::piece || message == WireTap::reject) owed_ -= owed_ > 0 ? 1 : 0;
        if (!client_.watcher_) return;
        if (message == WireTap::piece) client_.watcher_->on_block(peer_, id, block);
        if (message == WireTap::reject) client_.watcher_->on_reject(peer_, block);
        if (message == WireTap::choke) client_.watcher_->on_choke(peer_, true);
        if (message == WireTap::unchoke) client_.watcher_->on_choke(peer_, false);
    }

    Client& client_;
    Node& peer_;
    WireTap out_;
    WireTap in_;
    std::size_t owed_ = 0;  ///< requests that it has answered neither by a block nor by a Reject
    TimePoint silent_since_{};
};

Client::Client(const RemotePeer::Context& context, const Directory& nodes, const ClientOptions& options,
               std::uint64_t seed, std::function<void()> after_event)
    : Node(options.endpoint, options.number, options.link),
      context_(context),
      nodes_(nodes),
      store_(context.events, context.layout, options.store),
      torrent_(context.identity, context.layout, store_, with_id(options.torrent, options.number), seed,
               context.events.now()),
      after_event_(std::move(after_event)),
      options_(options.torrent) {
    store_.attach(*this);
}

Client::~Client() = default;

void Client::introduce(std::span<const Endpoint> endpoints) {
    tell([&] { torrent_.handle_candidates(endpoints, PeerSource::tracker, context_.events.now()); });
}

// ---- the store ----

void Client::on_verified(PieceIndex piece, std::vector<Sha1Digest> block_digests) {
    tell([&] { torrent_.handle_verified(piece, block_digests, context_.events.now()); });
}
void Client::on_mismatch(PieceIndex piece, PieceBufferPtr, std::vector<Sha1Digest> block_digests) {
    tell([&] { torrent_.handle_mismatch(piece, block_digests, context_.events.now()); });
}
void Client::on_evicted(const std::vector<PieceIndex>& pieces) {
    tell([&] { torrent_.handle_evicted(pieces, context_.events.now()); });
}

void Client::on_lost(PieceIndex piece) {
    tell([&] { torrent_.handle_lost(piece, context_.events.now()); });
}
void Client::on_credit() {
    tell([&] { torrent_.handle_credit(context_.events.now()); });
}
void Client::on_read(ReadTicket ticket, Result<ContentView> content) {
    tell([&] { torrent_.handle_read(ticket, content, context_.events.now()); });
}

// ---- readers ----

void Client::set_demand(ReaderId reader, const ReaderDemand& demand) {
    if (demands_.empty()) context_.events.after(kPost, [this] { take_demands(); });
    demands_[reader] = demand;
}

void Client::drop(ReaderId reader) {
    if (demands_.empty()) context_.events.after(kPost, [this] { take_demands(); });
    demands_[reader].reset();
}

void Client::take_demands() {
    const auto demands = std::exchange(demands_, {});
    for (const auto& [reader, demand] : demands) {
        if (demand) {
            torrent_.set_reader(reader, *demand, context_.events.now());
        } else {
            torrent_.drop_reader(reader, context_.events.now());
        }
    }
    settle();
}

// ---- actions ----

void Client::settle() {
    for (auto& [id, line] : lines_) judge_snub(*line);
    actions_ = 0;
    while (auto action = torrent_.poll_action()) {
        ++actions_;
        if (const auto* send = std::get_if<Send>(&*action)) {
            if (auto line = lines_.find(send->connection); line != lines_.end()) line->second->wake();
        }
        if (const auto* wanted = std::get_if<Dial>(&*action)) dial(wanted->endpoint);
        if (const auto* ended = std::get_if<Disconnect>(&*action)) {
            if (auto line = lines_.extract(ended->connection); !line.empty()) {
                if (ended->reason == Errc::peer_banned && line.mapped()->peer().honest())
                    complaints_.push_back("an honest peer is banned: " +
                                          line.mapped()->peer().endpoint().text());
                if (watcher_) watcher_->on_end(line.mapped()->peer(), "we close: " + ended->reason.message());
                line.mapped()->close();
                ended_.push_back(std::move(line.mapped()));
            }
        }
    }
    arm();
    after_event_();
}

/// Called after each event, since a snubbed peer may answer the Cancels that it is sent and owe nothing soon.
void Client::judge_snub(Line& line) {
    const bool before = std::exchange(line.snubbed, torrent_.is_snubbed(line.id));
    if (before || !line.snubbed || !line.peer().honest()) return;
    // A request may have waited so long behind our own messages before it went over the wire.
    if (line.silence() + wire::PeerSession::kSentLate >= Silence::kShortest) return;
    complaints_.push_back("an honest peer is snubbed after " + std::to_string(seconds(line.silence())) +
                          " s of silence: " + line.peer().endpoint().text());
}

void Client::arm() {
    const TimePoint next = std::max(torrent_.next_timeout(), context_.events.now());
    if (torrent_.next_timeout() == kNever || next >= armed_) return;
    armed_ = next;
    context_.events.at(next, [this, next] {
        if (armed_ != next) return;  // the timer was armed for an earlier time since
        armed_ = kNever;
        tell([&] { torrent_.handle_timeout(context_.events.now()); });
    });
}

Client::Line& Client::add_line(ConnectionId id, Node& node, Connection::Side side) {
    auto line = std::make_unique<Line>(*this, node, id, side);
    Line& added = *line;
    if (id == kNobody) {
        ended_.push_back(std::move(line));
    } else {
        lines_.emplace(id, std::move(line));
    }
    return added;
}

void Client::dial(const Endpoint& to) {
    Node* node = nodes_.find(to);
    if (node && !node->reachable()) node = nullptr;
    const Duration round_trip = node ? Network::round_trip(host(), node->host()) : kDialTimeout;
    context_.events.after(round_trip, [this, node, to, round_trip] {
        const TimePoint now = context_.events.now();
        if (!node || !node->accepts(endpoint().address))
            return tell([&] { torrent_.handle_dial_failed(to, Errc::timed_out, now); });
        const ConnectionId id = torrent_.handle_connected(to, {wire::Direction::outgoing, round_trip}, now);
        if (id != kNobody) {
            Line& line = add_line(id, *node, Connection::a);
            line.connection = &node->answer(*this, line, {endpoint().address, next_port_++});
        }
        settle();
    });
}

Connection& Client::answer(Node& caller, Socket& socket, const Endpoint& from) {
    const ConnectionId id =
        torrent_.handle_connected(from, {wire::Direction::incoming}, context_.events.now());
    Line& line = add_line(id, caller, Connection::b);
    line.connection = &context_.network.connect(caller.host(), socket, host(), line);
    if (id == kNobody) line.close();
    settle();
    return *line.connection;
}

bool Client::call(RemotePeer& from, const Endpoint& its_endpoint) {
    if (!listens_) return false;
    const ConnectionId id =
        torrent_.handle_connected(its_endpoint, {wire::Direction::incoming}, context_.events.now());
    if (id != kNobody) {
        Line& line = add_line(id, from, Connection::a);
        line.connection = &from.connect(*this, line, endpoint(), wire::Direction::outgoing);
    }
    settle();
    return id != kNobody;
}

void Client::count(ConnectionId from, const BlockRef& block) {
    const PieceState state = torrent_.picker().state(block.piece);
    const PartialPiece* piece = partial(block.piece);
    const std::uint32_t index = piece ? piece->block_at(block) : 0;
    if (piece && piece->asked_of(index, from)) {
        wire_.useful += block.size;
    } else if (state == PieceState::had || state == PieceState::verifying ||
               (piece && piece->state(index) != BlockState::free)) {
        wire_.twice += block.size;
    } else {
        wire_.unasked += block.size;
    }
}

const PartialPiece* Client::partial(PieceIndex piece) const {
    const auto& partials = torrent_.picker().partials();
    const auto found = partials.find(piece);
    return found == partials.end() ? nullptr : found->second.get();
}

std::vector<std::pair<ConnectionId, const Node*>> Client::connections() const {
    std::vector<std::pair<ConnectionId, const Node*>> all;
    for (const auto& [id, line] : lines_) all.emplace_back(id, &line->peer());
    return all;
}

}  // namespace btfs::sim
