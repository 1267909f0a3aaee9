#include "tests/year/scripted_peer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace btfs::year {
namespace {

constexpr Duration kDribble = 10s;
constexpr std::uint64_t kFlapsAfter = 5;  // blocks
constexpr std::size_t kDownloadsAtATime = 4;
constexpr std::size_t kGossip = 10;  // peers

wire::PeerId peer_id(Rng& rng) {
    std::array<std::byte, 12> tail;
    rng.fill(tail);
    return wire::make_peer_id(tail);
}

}  // namespace

Endpoint random_endpoint(Rng& rng) {
    std::array<std::byte, 16> raw;
    rng.fill(raw);
    const auto port = static_cast<std::uint16_t>(1024 + rng.below(60'000));
    if (rng.below(8) == 0) {
        raw[0] = std::byte{0x2a};
        return {*Address::from_bytes(raw), port};
    }
    raw[0] = std::byte{20};
    return {*Address::from_bytes(std::span(raw).first(4)), port};
}

ScriptedPeer::ScriptedPeer(const Options& options, TimePoint now)
    : options_(options),
      rng_(options.seed),
      have_(options.layout.piece_count(), options.conduct != Conduct::leeches),
      session_({.direction = options.direction,
                .identity = options_.identity,
                .layout = &options_.layout,
                .our_id = peer_id(rng_),
                .remote = options.client,
                .listen_port = 6881,
                .interested = options.conduct == Conduct::leeches,
                .have = have_,
                .metadata = options.metadata,
                .pex = true},
               *this, now) {}

void ScriptedPeer::handle_bytes(ByteView bytes, TimePoint now) {
    if (failed_) return;
    session_.handle_bytes(bytes, now);
    drain(now);
}

void ScriptedPeer::handle_timeout(TimePoint now) {
    if (failed_) return;
    session_.handle_timeout(now);
    if (now >= next_drop_) {
        next_drop_ = kNever;
        if (!owed_.empty()) send(owed_.front());
        if (!owed_.empty()) owed_.pop_front();
        if (!owed_.empty()) next_drop_ = now + kDribble;
    }
    drain(now);
}

TimePoint ScriptedPeer::next_timeout() const {
    return std::min(next_drop_, session_.next_timeout());
}

Bytes ScriptedPeer::take_output(TimePoint now) {
    Bytes out;
    iovec parts[32];
    while (const std::size_t count = session_.send_buffers(parts)) {
        std::size_t size = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const auto* begin = static_cast<const std::byte*>(parts[i].iov_base);
            out.insert(out.end(), begin, begin + parts[i].iov_len);
            size += parts[i].iov_len;
        }
        if (size == 0) break;
        session_.handle_sent(size, now);
    }
    return out;
}

void ScriptedPeer::drain(TimePoint now) {
    while (auto event = session_.poll_event()) {
        if (std::holds_alternative<wire::Failed>(*event)) {
            failed_ = true;
            return;
        }
        on_event(*event, now);
    }
    if (options_.conduct == Conduct::leeches) download(now);
}

void ScriptedPeer::on_event(const wire::PeerEvent& event, TimePoint now) {
    if (std::holds_alternative<wire::InterestChanged>(event))
        session_.set_choking(!session_.peer_interested());
    if (std::holds_alternative<wire::ExtensionsKnown>(event) && options_.conduct == Conduct::gossips)
        gossip();
    if (const auto* wanted = std::get_if<wire::BlockWanted>(&event)) serve(wanted->block, now);
    if (const auto* gone = std::get_if<wire::BlockNotWanted>(&event)) std::erase(owed_, gone->block);
    if (const auto* arrived = std::get_if<wire::BlockArrived>(&event)) have_.set(arrived->block.piece);
}

void ScriptedPeer::serve(const BlockRef& block, TimePoint now) {
    if (options_.conduct == Conduct::vanishes) return;
    if (options_.conduct == Conduct::dribbles) {
        owed_.push_back(block);
        next_drop_ = std::min(next_drop_, now + kDribble);
        return;
    }
    send(block);
    if (options_.conduct == Conduct::flaps && sent_ % kFlapsAfter == 0) {
        session_.set_choking(true);
        session_.set_choking(false);
    }
}

void ScriptedPeer::send(const BlockRef& block) {
    const std::uint64_t at = options_.layout.piece_offset_in_torrent(block.piece) + block.offset_in_piece;
    auto bytes =
        std::make_shared<Bytes>(options_.content.begin() + static_cast<std::ptrdiff_t>(at),
                                options_.content.begin() + static_cast<std::ptrdiff_t>(at + block.size));
    if (options_.conduct == Conduct::lies) bytes->front() ^= std::byte{1};
    ++sent_;
    session_.send_block(block, {*bytes, bytes});
}

void ScriptedPeer::download(TimePoint now) {
    if (!session_.greeted()) return;
    const Layout& layout = options_.layout;
    for (PieceIndex piece(0); piece.value() < layout.piece_count(); piece = piece.next()) {
        if (session_.requests().size() >= kDownloadsAtATime) return;
        if (have_.test(piece) || !session_.has(piece) || !session_.may_request(piece)) continue;
        const BlockRef block{piece, 0, layout.block_size(piece, 0)};
        const bool asked =
            std::ranges::any_of(session_.requests(), [&](const auto& r) { return r.block == block; });
        if (!asked) session_.request(block, now);
    }
}

void ScriptedPeer::gossip() {
    wire::PexMessage message;
    for (std::size_t i = 0; i < kGossip; ++i) message.added.push_back({random_endpoint(rng_), {}});
    session_.send_pex(message);
}

}  // namespace btfs::year
