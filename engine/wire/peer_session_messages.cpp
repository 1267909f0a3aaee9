// PeerSession's handlers of the peer's messages.
#include <algorithm>
#include <utility>

#include "engine/wire/metadata_message.hpp"
#include "engine/wire/peer_session.hpp"

namespace btfs::wire {
namespace {

/// Limits the pieces that may be requested while the peer chokes us; further ones are ignored.
constexpr std::size_t kMaxAllowedFast = 256;
/// Limits the pieces of one message that get an event each.
constexpr std::size_t kMaxToldOneByOne = 64;
/// Limits the bytes of messages about pieces that are kept while the number of pieces is unknown.
constexpr std::size_t kMaxEarlyBytes = 1 << 20;

/// Returns true for messages that cannot be parsed while the number of pieces is unknown.
bool concerns_pieces(const Message& message) {
    if (const auto* extended = std::get_if<Extended>(&message)) return extended->id == kDontHaveId;
    return std::holds_alternative<Have>(message) || std::holds_alternative<BitfieldMessage>(message) ||
           std::holds_alternative<HaveAll>(message) || std::holds_alternative<HaveNone>(message) ||
           std::holds_alternative<SuggestPiece>(message) || std::holds_alternative<AllowedFast>(message);
}

}  // namespace

Error PeerSession::on_message(ByteView body) {
    auto message = parse_message(body);
    if (!message) return message.error();
    if (!config_.layout && concerns_pieces(*message)) {
        early_bytes_ += body.size() + sizeof(Bytes);
        if (early_bytes_ > kMaxEarlyBytes) return Errc::message_flood;
        early_.emplace_back(body.begin(), body.end());
        return {};
    }
    const Error error = std::visit([this](const auto& m) { return handle(m); }, *message);
    if (config_.prompts && !prompted_ && !error && outbound_.empty()) {
        prompted_ = true;
        send(KeepAlive{});
    }
    return error;
}

Error PeerSession::handle(const Choke&) {
    if (peer_choking_) return charge(1);
    peer_choking_ = true;
    if (!capabilities_.fast)  // the peer has dropped all requests (BEP 3)
        for (const BlockRef& block : requests_.drop_all()) events_.push_back(BlockRefused{block, true});
    events_.push_back(Choked{});
    return {};
}

Error PeerSession::handle(const Unchoke&) {
    if (!peer_choking_) return charge(1);
    peer_choking_ = false;
    events_.push_back(Unchoked{});
    return charge(kUnchokePoints);
}

Error PeerSession::handle(const Interested&) {
    if (!peer_interested_) events_.push_back(InterestChanged{});
    peer_interested_ = true;
    return charge(1);
}

Error PeerSession::handle(const NotInterested&) {
    if (peer_interested_) events_.push_back(InterestChanged{});
    peer_interested_ = false;
    return charge(1);
}

Error PeerSession::handle(const Have& m) {
    if (m.piece.value() >= config_.layout->piece_count()) return Errc::index_out_of_range;
    pieces_known_ = true;
    return gain(m.piece) ? Error{} : charge(1);
}

bool PeerSession::gain(PieceIndex piece) {
    if (has(piece)) return false;
    if (!pieces_) pieces_.emplace(config_.layout->piece_count());
    pieces_->set(piece);
    is_seed_ = pieces_->all();
    events_.push_back(PieceGained{piece});
    return true;
}

void PeerSession::gain(const Bitfield& pieces) {
    if (is_seed_ || pieces.none()) return;
    if (!pieces_) pieces_.emplace(pieces.size());
    const Bitfield before = *pieces_;
    if (pieces.count_without(before) <= kMaxToldOneByOne)
        return pieces.for_each_without(before, [this](PieceIndex piece) { gain(piece); });
    pieces.for_each_without(before, [this](PieceIndex piece) { pieces_->set(piece); });
    is_seed_ = pieces_->all();
    events_.push_back(PiecesKnown{});
}

void PeerSession::gain_all() {
    if (pieces_ && pieces_->size() - pieces_->count() <= kMaxToldOneByOne)
        return pieces_->for_each_clear([this](PieceIndex piece) { gain(piece); });
    pieces_.reset();
    is_seed_ = true;
    events_.push_back(PiecesKnown{});
}

Error PeerSession::handle(const BitfieldMessage& m) {
    auto parsed = Bitfield::parse(m.payload, config_.layout->piece_count());
    if (!parsed) return Errc::bitfield_malformed;
    if (pieces_known_) {
        gain(*parsed);
        return charge(1 + all_pieces_points());
    }
    pieces_known_ = true;
    is_seed_ = parsed->all();
    if (!is_seed_ && !parsed->none()) pieces_ = std::move(*parsed);
    events_.push_back(PiecesKnown{});
    return {};
}

Error PeerSession::take_all_pieces(bool all) {
    if (!capabilities_.fast) return Errc::message_not_negotiated;
    if (pieces_known_) {
        if (!all || is_seed_) return charge(1);
        gain_all();
        return charge(1 + all_pieces_points());
    }
    pieces_known_ = true;
    is_seed_ = all;
    events_.push_back(PiecesKnown{});
    return {};
}

Error PeerSession::handle(const HaveAll&) {
    return take_all_pieces(true);
}
Error PeerSession::handle(const HaveNone&) {
    return take_all_pieces(false);
}

Error PeerSession::handle(const SuggestPiece& m) {
    if (!capabilities_.fast) return Errc::message_not_negotiated;
    if (m.piece.value() >= config_.layout->piece_count()) return Errc::index_out_of_range;
    return charge(1);
}

Error PeerSession::handle(const AllowedFast& m) {
    if (!capabilities_.fast) return Errc::message_not_negotiated;
    if (m.piece.value() >= config_.layout->piece_count()) return Errc::index_out_of_range;
    if (allowed_fast_.size() >= kMaxAllowedFast ||
        std::ranges::find(allowed_fast_, m.piece) != allowed_fast_.end())
        return charge(1);
    allowed_fast_.push_back(m.piece);
    return {};
}

Error PeerSession::handle(const RejectRequest& m) {
    if (!capabilities_.fast) return Errc::message_not_negotiated;
    const auto rejected = requests_.reject(m.block);
    if (!rejected) return charge(1);  // a request that we forgot, or never sent
    if (!rejected->cancelled) events_.push_back(BlockRefused{m.block, peer_choking_});
    return {};
}

Error PeerSession::handle(const Request& m) {
    if (config_.layout && !in_range(m.block)) return Errc::index_out_of_range;
    if (m.block.size == 0 || m.block.size > kBlockSize) return Errc::message_malformed;
    const auto verdict = to_serve_.take(m.block, am_choking_ || !config_.layout);
    if (verdict == RequestsToServe::Verdict::taken) {
        events_.push_back(BlockWanted{m.block});
        return {};
    }
    // The peer may have sent the request before our Choke reached it, so only a flood is an offence.
    if (verdict == RequestsToServe::Verdict::refused && capabilities_.fast) send(RejectRequest{m.block});
    return charge(kRefusedPoints);
}

Error PeerSession::handle(const Cancel& m) {
    if (to_serve_.remove(m.block)) {
        events_.push_back(BlockNotWanted{m.block});
    } else if (!outbound_.drop_block(m.block)) {
        return charge(1);  // the block is being sent, or was sent
    }
    if (capabilities_.fast) send(RejectRequest{m.block});
    return charge(kCancelledPoints);
}

Error PeerSession::handle(const Port& m) {
    if (m.port == 0 || told_dht_port_ == m.port) return charge(1);
    const bool first = !told_dht_port_;
    told_dht_port_ = m.port;
    events_.push_back(DhtPortTold{m.port});
    return first ? Error{} : charge(kExtendedPoints);
}

Error PeerSession::handle(const Extended& m) {
    if (!capabilities_.extended) return Errc::message_not_negotiated;
    const auto points = static_cast<std::int64_t>(m.payload.size() / kExtendedBytesAPoint);
    if (m.id == kExtendedHandshakeId) {
        if (std::exchange(extensions_known_, true))
            if (Error flood = charge(kExtendedPoints + points)) return flood;
        auto parsed = extended_.updated(m.payload);
        if (!parsed) return parsed.error();
        extended_ = std::move(*parsed);
        if (extended_.reqq) reqq_ = std::clamp<std::uint32_t>(*extended_.reqq, 1, 4096);
        events_.push_back(ExtensionsKnown{});
    } else if (m.id == kMetadataId) {
        if (Error flood = charge(1)) return flood;
        return on_metadata_message(m.payload);
    } else if (m.id == kPexId) {
        if (Error flood = charge(kExtendedPoints + points)) return flood;
        return on_pex_message(m.payload);
    } else if (m.id == kHolepunchId) {
        if (Error flood = charge(kHolepunchPoints)) return flood;
        return on_holepunch_message(m.payload);
    } else if (m.id == kDontHaveId) {
        auto piece = parse_dont_have(m.payload);
        if (!piece) return piece.error();
        if (piece->value() >= config_.layout->piece_count()) return Errc::index_out_of_range;
        if (!has(*piece)) return charge(1);
        is_seed_ = false;
        const bool had_all_since_ever = !pieces_;
        if (had_all_since_ever) pieces_.emplace(config_.layout->piece_count(), true);
        pieces_->clear(*piece);
        events_.push_back(PieceLost{*piece});
        return charge(kLostPiecePoints + (had_all_since_ever ? all_pieces_points() : 0));
    } else {
        return charge(1);
    }
    return {};
}

Error PeerSession::on_metadata_message(ByteView payload) {
    const auto message = parse_metadata_message(payload);
    if (!message) return message.error();
    if (!*message || extended_.metadata_id == 0) return {};
    if (const auto* request = std::get_if<MetadataRequest>(&**message)) {
        if (const auto answer = metadata_.answer(request->piece, outbound_.control_bytes()))
            send(Extended{extended_.metadata_id, *answer});
    } else if (const auto* reject = std::get_if<MetadataReject>(&**message)) {
        events_.push_back(MetadataRefused{reject->piece});
    } else {
        const auto& data = std::get<MetadataData>(**message);
        events_.push_back(MetadataArrived{data.piece, data.total_size, {data.data.begin(), data.data.end()}});
    }
    return {};
}

Error PeerSession::on_pex_message(ByteView payload) {
    if (!config_.pex) return {};
    auto message = PexMessage::parse(payload);
    if (!message) return message.error();
    events_.push_back(PexArrived{std::move(*message)});
    return {};
}

Error PeerSession::on_holepunch_message(ByteView payload) {
    // BEP 55: nothing is done for a peer that does not speak it itself.
    if (!understands_holepunch()) return {};
    const auto message = HolepunchMessage::parse(payload);
    if (!message) return message.error();
    if (*message) events_.push_back(HolepunchArrived{**message});
    return {};
}

}  // namespace btfs::wire
