#include "tests/support/virtual_swarm.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace btfs::testing {
namespace {

/// Bytes that are put on a link at a time, so that messages do not wait behind a whole burst.
constexpr std::size_t kChunk = 4096;
/// Bytes of metadata: three pieces of it.
constexpr std::size_t kMetadataSize = 40'000;

}  // namespace

struct VirtualSwarm::Node final : StorageEvents {
    Node(VirtualSwarm& the_swarm, std::size_t the_index, const NodeOptions& the_options)
        : swarm(the_swarm),
          index(the_index),
          options(the_options),
          storage(swarm.layout_, swarm.content_, the_options.seed,
                  [this](std::function<void()> event) { swarm.at(swarm.now_, std::move(event)); }),
          torrent(swarm.identity_, options.torrent, the_index + 1, swarm.now_) {
        if (!options.name_only) know_content();
    }

    void know_content() {
        if (options.is_private) torrent.become_private(swarm.now_);
        torrent.know_content(swarm.layout_, storage,
                             options.forged_metadata ? options.forged_metadata : swarm.metadata_, swarm.now_);
        storage.attach(*this);
    }

    template <class F>
    void tell(F&& f) {
        f();
        swarm.carry_out(*this);
    }
    void on_verified(PieceIndex piece, std::vector<Sha1Digest> digests) override {
        tell([&] { torrent.handle_verified(piece, digests, swarm.now_); });
    }
    void on_mismatch(PieceIndex piece, PieceBufferPtr, std::vector<Sha1Digest> digests) override {
        tell([&] { torrent.handle_mismatch(piece, digests, swarm.now_); });
    }
    void on_lost(PieceIndex piece) override {
        tell([&] { torrent.handle_lost(piece, swarm.now_); });
    }
    void on_evicted(const std::vector<PieceIndex>& pieces) override {
        tell([&] { torrent.handle_evicted(pieces, swarm.now_); });
    }
    void on_shortage() override {
        tell([&] { torrent.handle_shortage(swarm.now_); });
    }
    void on_credit() override {
        tell([&] { torrent.handle_credit(swarm.now_); });
    }
    void on_read(ReadTicket ticket, Result<ContentView> content) override {
        if (content && options.tamper) {
            auto copy =
                std::make_shared<std::vector<std::byte>>(content->bytes.begin(), content->bytes.end());
            options.tamper(*copy);
            content = ContentView{*copy, copy};
        }
        tell([&] { torrent.handle_read(ticket, content, swarm.now_); });
    }

    VirtualSwarm& swarm;
    const std::size_t index;
    const NodeOptions options;
    MemoryStorage storage;
    Torrent torrent;
    /// The other end of each connection.
    std::map<ConnectionId, std::pair<Node*, ConnectionId>> ends;
    std::set<Endpoint> dialled;       ///< where its NAT lets answers through from
    std::set<ConnectionId> over_utp;  ///< of those that it has dialled
    TimePoint link_free{};
    TimePoint armed = kNever;
};

VirtualSwarm::VirtualSwarm(std::uint32_t piece_length, std::size_t size)
    : VirtualSwarm(piece_length, std::vector<FileExtent>{{0, size, false}}) {}

VirtualSwarm::VirtualSwarm(std::uint32_t piece_length, std::vector<FileExtent> files)
    : metadata_(std::make_shared<const Bytes>(make_content(kMetadataSize))),
      content_(make_content(files.back().range().end)),
      layout_(piece_length, std::move(files)) {
    identity_.v1 = sha1(*metadata_);
}

VirtualSwarm::~VirtualSwarm() {
    // Events hold buffers of the nodes' stores, and freeing those makes new events.
    while (!events_.empty()) std::exchange(events_, {}).clear();
}

std::size_t VirtualSwarm::add(const NodeOptions& options) {
    NodeOptions own = options;
    std::array<std::byte, 12> tail{};
    tail[0] = static_cast<std::byte>(nodes_.size());
    own.torrent.peer_id = wire::make_peer_id(tail);
    own.torrent.ports.tcp = 6881;
    nodes_.push_back(std::make_unique<Node>(*this, nodes_.size(), own));
    return nodes_.size() - 1;
}

Torrent& VirtualSwarm::torrent(std::size_t node) {
    return nodes_[node]->torrent;
}
MemoryStorage& VirtualSwarm::storage(std::size_t node) {
    return nodes_[node]->storage;
}

Endpoint VirtualSwarm::endpoint(std::size_t node) const {
    if (const auto& address = nodes_[node]->options.address) return {*address, 6881};
    return *Endpoint::parse("10.0.0." + std::to_string(node + 1) + ":6881");
}

void VirtualSwarm::introduce(std::size_t node, std::size_t other, PeerSource source) {
    const Endpoint to = endpoint(other);
    nodes_[node]->tell([&] { torrent(node).handle_candidates({&to, 1}, source, now_); });
}

void VirtualSwarm::set_pinned(std::size_t node, const Bitfield& pieces) {
    nodes_[node]->tell([&] { torrent(node).set_pinned(pieces, now_); });
}

void VirtualSwarm::prefetch(std::size_t node, const Bitfield& pieces) {
    nodes_[node]->tell([&] { torrent(node).prefetch(pieces, now_); });
}

void VirtualSwarm::set_paused(std::size_t node, bool paused) {
    nodes_[node]->tell([&] { torrent(node).set_paused(paused, now_); });
}

void VirtualSwarm::set_limits(std::size_t node, const OwnLimits& limits) {
    nodes_[node]->tell([&] { torrent(node).set_limits(limits, now_); });
}

void VirtualSwarm::tell_reception(std::size_t node, const TcpReception& reception) {
    for (const auto& [connection, end] : nodes_[node]->ends)
        if (!nodes_[node]->over_utp.contains(connection))
            torrent(node).handle_reception(connection, reception);
}

std::size_t VirtualSwarm::utp_connections(std::size_t node) const {
    return nodes_[node]->over_utp.size();
}

void VirtualSwarm::set_reader(std::size_t node, ReaderId reader, const ReaderDemand& demand) {
    nodes_[node]->tell([&] { torrent(node).set_reader(reader, demand, now_); });
}

void VirtualSwarm::at(TimePoint when, std::function<void()> event) {
    events_.emplace(when, std::move(event));
}

bool VirtualSwarm::run_until(const std::function<bool()>& condition, Duration limit) {
    const TimePoint end = now_ + limit;
    while (!condition()) {
        if (events_.empty() || events_.begin()->first > end) {
            now_ = end;
            return condition();
        }
        auto next = events_.extract(events_.begin());
        now_ = std::max(now_, next.key());
        next.mapped()();
    }
    return true;
}

void VirtualSwarm::run_for(Duration time) {
    run_until([] { return false; }, time);
}

void VirtualSwarm::carry_out(Node& node) {
    while (auto action = node.torrent.poll_action()) {
        if (const auto* send = std::get_if<Send>(&*action)) flush(node, send->connection);
        if (const auto* wanted = std::get_if<Dial>(&*action)) dial(node, *wanted);
        if (const auto* ended = std::get_if<Disconnect>(&*action)) close(node, ended->connection);
        if (const auto* fetched = std::get_if<MetadataFetched>(&*action)) {
            if (*fetched->info != *metadata_) throw std::logic_error("not the info dictionary");
            node.know_content();
        }
    }
    arm(node);
}

void VirtualSwarm::dial(Node& node, const Dial& wanted) {
    const Endpoint to = wanted.endpoint;
    node.dialled.insert(to);
    auto found = std::ranges::find_if(nodes_, [&](const auto& n) { return endpoint(n->index) == to; });
    if (found == nodes_.end()) {
        at(now_ + 1s, [this, &node, wanted] {
            node.tell([&] {
                node.torrent.handle_dial_failed(wanted.endpoint, Errc::timed_out, now_, wanted.punch);
            });
        });
        return;
    }
    Node& other = **found;
    if (other.options.nat) return knock(node, other, wanted, 0);
    connect(node, other, wanted, 2 * (node.options.link.delay + other.options.link.delay));
}

/// Sends a SYN to a NAT: it is sent again when the NAT has dropped it.
void VirtualSwarm::knock(Node& node, Node& other, const Dial& wanted, int tries) {
    const Duration one_way = node.options.link.delay + other.options.link.delay;
    at(now_ + one_way, [this, &node, &other, wanted, tries, one_way] {
        // A TCP connection would have to come from, and lead to, the port that the NAT has opened.
        const bool utp = node.options.torrent.utp && other.options.torrent.utp;
        if (utp && other.dialled.contains(endpoint(node.index))) return connect(node, other, wanted, one_way);
        at(now_ + (1 << tries) * 1s, [this, &node, &other, wanted, tries] {
            if (tries < 2) return knock(node, other, wanted, tries + 1);
            node.tell([&] {
                node.torrent.handle_dial_failed(wanted.endpoint, Errc::timed_out, now_, wanted.punch);
            });
        });
    });
}

void VirtualSwarm::connect(Node& node, Node& other, const Dial& wanted, Duration rest) {
    const Duration one_way = node.options.link.delay + other.options.link.delay;
    at(now_ + rest, [this, &node, &other, wanted, one_way] {
        const bool utp = node.options.torrent.utp &&
                         (!node.options.tcp_first || wanted.first == FirstTransport::utp || wanted.punch);
        const ConnectionId mine = node.torrent.handle_connected(
            wanted.endpoint, {wire::Direction::outgoing, 2 * one_way, false, utp, wanted.punch}, now_);
        const std::uint16_t port = utp ? endpoint(node.index).port : std::uint16_t{50000};
        const Endpoint from{endpoint(node.index).address, port};
        const ConnectionId theirs =
            other.torrent.handle_connected(from, {.direction = wire::Direction::incoming, .utp = utp}, now_);
        if (mine != kNobody) node.ends[mine] = {&other, theirs};
        if (mine != kNobody && utp) node.over_utp.insert(mine);
        if (theirs != kNobody) other.ends[theirs] = {&node, mine};
        if (mine == kNobody && theirs != kNobody) other.torrent.handle_closed(theirs, now_);
        if (theirs == kNobody && mine != kNobody) node.torrent.handle_closed(mine, now_);
        carry_out(node);
        carry_out(other);
    });
}

void VirtualSwarm::flush(Node& node, ConnectionId connection) {
    auto end = node.ends.find(connection);
    wire::PeerSession* session = node.torrent.session(connection);
    if (!session || end == node.ends.end()) return;
    std::vector<std::byte> chunk;
    iovec buffers[32];
    const std::size_t count = session->send_buffers(buffers);
    for (std::size_t i = 0; i < count && chunk.size() < kChunk; ++i) {
        const auto* data = static_cast<const std::byte*>(buffers[i].iov_base);
        const std::size_t size = std::min(buffers[i].iov_len, kChunk - chunk.size());
        chunk.insert(chunk.end(), data, data + size);
    }
    if (chunk.empty()) return;
    node.torrent.handle_sent(connection, chunk.size(), now_);
    node.link_free = std::max(node.link_free, now_) +
                     from_seconds(static_cast<double>(chunk.size()) / node.options.link.up);
    auto [other, other_connection] = end->second;
    if (now_ < node.options.silent_from) {
        at(node.link_free + node.options.link.delay + other->options.link.delay,
           [this, other = other, c = other_connection, chunk = std::move(chunk)] {
               deliver(*other, c, chunk);
           });
    }
    at(node.link_free, [this, &node, connection] {
        flush(node, connection);
        carry_out(node);
    });
}

void VirtualSwarm::deliver(Node& node, ConnectionId connection, const std::vector<std::byte>& bytes) {
    std::size_t at_byte = 0;
    while (at_byte < bytes.size()) {
        wire::PeerSession* session = node.torrent.session(connection);
        if (!session) return;
        iovec buffers[32];
        const std::size_t count = session->receive_buffers(buffers);
        std::size_t placed = 0;
        for (std::size_t i = 0; i < count && at_byte < bytes.size(); ++i) {
            const std::size_t size = std::min(buffers[i].iov_len, bytes.size() - at_byte);
            std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at_byte), size,
                        static_cast<std::byte*>(buffers[i].iov_base));
            at_byte += size;
            placed += size;
        }
        node.torrent.handle_received(connection, placed, now_);
    }
    carry_out(node);
}

void VirtualSwarm::close(Node& node, ConnectionId connection) {
    auto end = node.ends.extract(connection);
    if (end.empty()) return;
    auto [other, other_connection] = end.mapped();
    at(now_ + node.options.link.delay + other->options.link.delay,
       [this, other = other, c = other_connection] {
           other->ends.erase(c);
           other->tell([&] { other->torrent.handle_closed(c, now_); });
       });
}

void VirtualSwarm::arm(Node& node) {
    const TimePoint next = std::max(node.torrent.next_timeout(), now_);
    if (node.torrent.next_timeout() == kNever || next >= node.armed) return;
    node.armed = next;
    at(next, [this, &node, next] {
        if (node.armed != next) return;  // the timer was armed for an earlier time since
        node.armed = kNever;
        node.tell([&] { node.torrent.handle_timeout(now_); });
    });
}

}  // namespace btfs::testing
