#include "engine/wire/peer_session.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/wire/allowed_fast.hpp"
#include "engine/wire/metadata_message.hpp"

namespace btfs::wire {
namespace {

/// For the peer's whole handshake, from the connection's begin.
constexpr Duration kHandshakeTimeout = 10s;
constexpr Duration kReceiveTimeout = 140s;  // a keep-alive is due every two minutes (BEP 3)
/// For one message or block, from its first byte: a peer that sends a byte now and then is no live one.
constexpr Duration kMessageTimeout = 120s;
constexpr Duration kKeepAliveAfter = 100s;
constexpr std::size_t kMaxAllowedFast = 256;
/// Pieces gained by one message that are told in one event each.
constexpr std::size_t kMaxToldOneByOne = 64;
/// While the pieces are not known: the bitfield of the largest torrent that we can be told of (BEP 9).
constexpr std::uint32_t kMaxUnknownMessageSize = 512 * 1024;
/// What a peer may say of its pieces before we can understand it.
constexpr std::size_t kMaxEarlyBytes = 1 << 20;
constexpr std::string_view kClientName = "btfs " BTFS_VERSION;

std::uint32_t max_message_size(const Layout* layout) {
    if (!layout) return kMaxUnknownMessageSize;
    return std::max(kMaxMessageSize, static_cast<std::uint32_t>(1 + units_for(layout->piece_count(), 8)));
}

/// Can be understood only by who knows the pieces.
bool concerns_pieces(const Message& message) {
    if (const auto* extended = std::get_if<Extended>(&message)) return extended->id == kDontHaveId;
    return std::holds_alternative<Have>(message) || std::holds_alternative<BitfieldMessage>(message) ||
           std::holds_alternative<HaveAll>(message) || std::holds_alternative<HaveNone>(message) ||
           std::holds_alternative<SuggestPiece>(message) || std::holds_alternative<AllowedFast>(message);
}

}  // namespace

PeerSession::PeerSession(const Config& config, BlockPlaces& places, TimePoint now)
    : config_(config),
      places_(places),
      inbound_(*this, max_message_size(config.layout)),
      begun_(now),
      now_(now),
      last_received_(now),
      last_sent_(now) {
    am_interested_ = config.interested;
    if (config.direction == Direction::incoming) return;  // the peer says first by which hash it asks
    send_handshake(config.identity.wire_hash());
    if (!config.interested || !config.eager) return;
    if (config.layout && !config.have.none()) send_pieces();
    send(Interested{});
}

// ---- the shell's side ----

void PeerSession::handle_received(std::size_t size, TimePoint now) {
    if (failed_) return;
    now_ = last_received_ = now;
    if (Error error = inbound_.received(size)) fail(error);
    if (requests_.under_way()) last_progress_ = now;
    after_receiving();
}

void PeerSession::handle_bytes(ByteView bytes, TimePoint now) {
    if (failed_) return;
    now_ = last_received_ = now;
    if (Error error = inbound_.feed(bytes)) fail(error);
    after_receiving();
}

void PeerSession::after_receiving() {
    if (!handshake_sent_ && !failed_) answer_begun_handshake();
    if (!inbound_.in_part()) {
        unfinished_since_ = kNever;
    } else if (unfinished_since_ == kNever || inbound_.completed() != completed_) {
        unfinished_since_ = now_;
    }
    completed_ = inbound_.completed();
}

/// Some peers send their id only when they have our handshake: its hash is enough to answer.
void PeerSession::answer_begun_handshake() {
    const auto asked_for = Handshake::parse_hash(inbound_.staged());
    if (asked_for && config_.identity.answers_to(*asked_for)) send_handshake(*asked_for);
}

void PeerSession::handle_sent(std::size_t size, TimePoint now) {
    now_ = last_sent_ = now;
    content_sent_ += outbound_.sent(size).content;
}

TimePoint PeerSession::next_timeout() const {
    if (failed_) return kNever;
    return std::min(silent_at(),
                    greeted_ ? std::min(last_sent_ + kKeepAliveAfter, requests_.next_timeout()) : kNever);
}

/// When the peer has said nothing, or nothing whole, for too long.
TimePoint PeerSession::silent_at() const {
    if (!greeted_) return begun_ + kHandshakeTimeout;
    const TimePoint unfinished = unfinished_since_ == kNever ? kNever : unfinished_since_ + kMessageTimeout;
    return std::min(last_received_ + kReceiveTimeout, unfinished);
}

void PeerSession::handle_timeout(TimePoint now) {
    if (failed_) return;
    now_ = now;
    if (now >= silent_at()) return fail(Errc::peer_timed_out);
    if (greeted_ && now >= last_sent_ + kKeepAliveAfter) {
        if (outbound_.empty()) send(KeepAlive{});
        last_sent_ = now;
    }
    requests_.handle_timeout(now);
}

std::optional<PeerEvent> PeerSession::poll_event() {
    if (events_.empty()) return std::nullopt;
    PeerEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
}

// ---- commands ----

bool PeerSession::may_request(PieceIndex piece) const {
    return greeted_ && (!peer_choking_ || std::ranges::find(allowed_fast_, piece) != allowed_fast_.end());
}

void PeerSession::set_interested(bool interested) {
    if (am_interested_ == interested) return;
    am_interested_ = interested;
    if (!greeted_) return;  // said with the first messages
    interested ? send(Interested{}) : send(NotInterested{});
}

void PeerSession::set_choking(bool choking) {
    if (am_choking_ == choking || !greeted_) return;
    am_choking_ = choking;
    if (!choking) return send(Unchoke{});
    send(Choke{});
    // With fast, each dropped request is answered by a reject; without, the choke says it.
    const auto granted = [&](const BlockRef& block) {
        return std::ranges::find(granted_fast_, block.piece) != granted_fast_.end();
    };
    for (const BlockRef& block : outbound_.drop_blocks_not_begun(granted))
        if (capabilities_.fast) send(RejectRequest{block});
    std::vector<BlockRef> dropped;
    std::swap(dropped, wanted_by_peer_);
    for (const BlockRef& block : dropped) {
        if (granted(block)) {
            wanted_by_peer_.push_back(block);
            continue;
        }
        if (capabilities_.fast) send(RejectRequest{block});
        events_.push_back(BlockNotWanted{block});
    }
}

void PeerSession::announce_have(PieceIndex piece) {
    if (greeted_ || pieces_sent_) send(Have{piece});
}

void PeerSession::announce_lost(PieceIndex piece) {
    if (greeted_ && extended_.dont_have_id != 0) {
        const Bytes payload = encode_dont_have(piece);
        send(Extended{extended_.dont_have_id, payload});
    }
}

void PeerSession::request(const BlockRef& block, TimePoint now) {
    assert(block.size > 0 && block.size <= kBlockSize && in_range(block));
    assert(may_request(block.piece) && requests_.size() < reqq_);
    now_ = now;
    requests_.add(block, now);
    send(Request{block});
}

void PeerSession::cancel(const BlockRef& block, TimePoint now) {
    now_ = now;
    const auto cancelled = requests_.cancel(block, now);
    if (cancelled == RequestsInFlight::Cancelled::to_tell) send(Cancel{block});
    if (cancelled == RequestsInFlight::Cancelled::under_way) inbound_.divert_block();
}

void PeerSession::send_block(const BlockRef& block, ContentView content) {
    if (std::erase(wanted_by_peer_, block) == 0) return;
    const bool was_empty = outbound_.empty();
    outbound_.push_block(block, std::move(content));
    if (was_empty) config_.on_output();
}

void PeerSession::refuse_block(const BlockRef& block) {
    if (std::erase(wanted_by_peer_, block) > 0 && capabilities_.fast) send(RejectRequest{block});
}

void PeerSession::know_content(const Layout& layout, std::shared_ptr<const Bytes> metadata, TimePoint now) {
    assert(!config_.layout);
    config_.layout = &layout;
    config_.metadata = std::move(metadata);
    now_ = now;
    if (config_.metadata && greeted_ && capabilities_.extended) send_extended_handshake();
    const std::vector<Bytes> early = std::exchange(early_, {});
    for (const Bytes& body : early) {
        if (failed_) return;
        if (Error error = on_message(body)) fail(error);
    }
}

void PeerSession::request_metadata(std::uint32_t piece) {
    if (extended_.metadata_id == 0) return;
    const Bytes payload = encode(MetadataRequest{piece});
    send(Extended{extended_.metadata_id, payload});
}

void PeerSession::send_pex(const PexMessage& message) {
    if (!config_.pex || extended_.pex_id == 0) return;
    const Bytes payload = message.encode();
    send(Extended{extended_.pex_id, payload});
}

// ---- what the stream brings ----

Error PeerSession::on_handshake(ByteView raw) {
    auto theirs = Handshake::parse(raw);
    if (!theirs) return theirs.error();
    if (!config_.identity.answers_to(theirs->info_hash)) return Errc::handshake_wrong_torrent;
    if (theirs->peer_id == config_.our_id) return Errc::connected_to_self;
    peer_id_ = theirs->peer_id;
    capabilities_ = theirs->capabilities;
    greeted_ = true;
    if (!handshake_sent_) send_handshake(theirs->info_hash);
    send_first_messages();
    events_.push_back(Greeted{});
    return {};
}

void PeerSession::send_handshake(const Sha1Digest& info_hash) {
    Handshake ours;
    ours.capabilities = {.fast = true, .extended = true, .dht = config_.dht_port != 0};
    ours.info_hash = info_hash;
    ours.peer_id = config_.our_id;
    const bool was_empty = outbound_.empty();
    ByteWriter(outbound_.control()).bytes(ours.encode());
    if (was_empty) config_.on_output();
    handshake_sent_ = true;
}

void PeerSession::send_pieces() {
    pieces_sent_ = true;
    if (!config_.layout || config_.have.none()) {
        if (capabilities_.fast) send(HaveNone{});
    } else if (capabilities_.fast && config_.have.all()) {
        send(HaveAll{});
    } else {
        send(BitfieldMessage{config_.have.bytes()});
    }
}

void PeerSession::send_first_messages() {
    if (!pieces_sent_) send_pieces();
    if (capabilities_.extended) send_extended_handshake();
    if (capabilities_.dht && config_.dht_port != 0) send(Port{config_.dht_port});
    if (capabilities_.fast && config_.layout) send_allowed_fast();
    const bool said = config_.interested && config_.eager;
    if (am_interested_ && !said) send(Interested{});
    if (!am_interested_ && said) send(NotInterested{});
}

void PeerSession::send_extended_handshake() {
    ExtendedHandshake ours;
    ours.dont_have_id = kDontHaveId;
    if (config_.metadata || !config_.layout) ours.metadata_id = kMetadataId;
    if (config_.metadata) ours.metadata_size = static_cast<std::uint32_t>(config_.metadata->size());
    if (config_.pex) ours.pex_id = kPexId;
    ours.reqq = kOurReqq;
    ours.client = kClientName;
    ours.your_address = config_.remote.address;
    ours.upload_only = config_.layout && config_.have.all();
    if (config_.listen_port != 0) ours.listen_port = config_.listen_port;
    const Bytes payload = ours.encode();
    send(Extended{kExtendedHandshakeId, payload});
}

void PeerSession::send_allowed_fast() {
    granted_fast_ =
        allowed_fast_set(config_.remote.address, config_.identity.wire_hash(), config_.layout->piece_count());
    std::erase_if(granted_fast_, [&](PieceIndex piece) { return !config_.have.test(piece); });
    for (PieceIndex piece : granted_fast_) send(AllowedFast{piece});
}

Error PeerSession::on_message(ByteView body) {
    auto message = parse_message(body);
    if (!message) return message.error();
    if (!config_.layout && concerns_pieces(*message)) {
        early_bytes_ += body.size() + sizeof(Bytes);
        if (early_bytes_ > kMaxEarlyBytes) return Errc::message_flood;
        early_.emplace_back(body.begin(), body.end());
        return {};
    }
    return std::visit([this](const auto& m) { return handle(m); }, *message);
}

Error PeerSession::handle(const Choke&) {
    if (peer_choking_) return charge(1);
    peer_choking_ = true;
    if (!capabilities_.fast)  // all that was asked is dropped (BEP 3)
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
    if (pieces_->all()) {
        is_seed_ = true;
        pieces_.reset();
    }
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
    if (pieces_->all()) {
        is_seed_ = true;
        pieces_.reset();
    }
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
        gain(Bitfield(config_.layout->piece_count(), true));
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
    if (!rejected) return charge(1);  // one that we gave up, or a confused peer
    if (!rejected->cancelled) events_.push_back(BlockRefused{m.block, peer_choking_});
    return {};
}

Error PeerSession::handle(const Request& m) {
    if (config_.layout && !in_range(m.block)) return Errc::index_out_of_range;
    if (m.block.size == 0 || m.block.size > kBlockSize) return Errc::message_malformed;
    const bool granted = config_.layout && (!am_choking_ || std::ranges::find(granted_fast_, m.block.piece) !=
                                                                granted_fast_.end());
    const bool room = wanted_by_peer_.size() < kOurReqq;
    const bool repeated = std::ranges::find(wanted_by_peer_, m.block) != wanted_by_peer_.end();
    if (!granted || !room || repeated) {
        // It may have asked before our Choke reached it; only a flood is an offence.
        if (capabilities_.fast && !repeated) send(RejectRequest{m.block});
        return charge(kRefusedPoints);
    }
    wanted_by_peer_.push_back(m.block);
    events_.push_back(BlockWanted{m.block});
    return {};
}

Error PeerSession::handle(const Cancel& m) {
    if (std::erase(wanted_by_peer_, m.block) > 0) {
        events_.push_back(BlockNotWanted{m.block});
    } else if (!outbound_.drop_block(m.block)) {
        return charge(1);  // on its way, or answered
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
    } else if (m.id == kDontHaveId) {
        auto piece = parse_dont_have(m.payload);
        if (!piece) return piece.error();
        if (piece->value() >= config_.layout->piece_count()) return Errc::index_out_of_range;
        if (!has(*piece)) return charge(1);
        const bool was_seed = std::exchange(is_seed_, false);
        if (was_seed) pieces_.emplace(config_.layout->piece_count(), true);
        pieces_->clear(*piece);
        events_.push_back(PieceLost{*piece});
        return charge(kLostPiecePoints + (was_seed ? all_pieces_points() : 0));
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
        answer_metadata_request(request->piece);
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

void PeerSession::answer_metadata_request(std::uint32_t piece) {
    const std::uint64_t begin = std::uint64_t{piece} * kMetadataPieceSize;
    const bool backlog = outbound_.control_bytes() > kMaxMetadataBacklog;
    Bytes answer;
    if (backlog || !config_.metadata || begin >= config_.metadata->size()) {
        if (outbound_.control_bytes() > 2 * kMaxMetadataBacklog) return;  // it does not even read refusals
        answer = encode(MetadataReject{piece});
    } else {
        const ByteView rest = ByteView(*config_.metadata).subspan(begin);
        answer = encode(MetadataData{piece, static_cast<std::uint32_t>(config_.metadata->size()),
                                     rest.first(std::min<std::size_t>(rest.size(), kMetadataPieceSize))});
    }
    send(Extended{extended_.metadata_id, answer});
}

Result<std::span<std::byte>> PeerSession::on_block_begin(const BlockRef& block) {
    if (block.size == 0) {  // BitComet's way to reject
        if (const auto rejected = requests_.begin_rejection(block)) {
            if (!rejected->cancelled) events_.push_back(BlockRefused{rejected->block, peer_choking_});
            return std::span<std::byte>{};
        }
    }
    const auto answers = requests_.begin_block(block);
    if (!answers) return Errc::unwanted_data;
    if (*answers == RequestsInFlight::Answers::wanted) {
        const std::span<std::byte> place = places_.place_of(block);
        if (!place.empty()) return place;
    }
    side_buffer_.resize(block.size);
    return std::span(side_buffer_);
}

void PeerSession::on_block_end(const BlockRef& block) {
    const bool wanted = requests_.end_block() == RequestsInFlight::Answers::wanted;
    if (block.size == 0) return;
    content_received_ += block.size;
    last_content_ = now_;
    if (wanted) {
        events_.push_back(BlockArrived{block, std::exchange(side_buffer_, {})});
    } else {
        events_.push_back(BlockUnneeded{block});
        side_buffer_.clear();
    }
}

std::optional<InboundStream::Sink::Guess> PeerSession::guess(std::size_t n) {
    const BlockRef* next = requests_.expected(n);
    if (!next) return std::nullopt;
    const std::span<std::byte> place = places_.place_of(*next);
    if (place.empty()) return std::nullopt;
    return Guess{*next, place};
}

// ---- small things ----

void PeerSession::send(const Message& message) {
    const bool was_empty = outbound_.empty();
    append_message(outbound_.control(), message);
    if (was_empty) config_.on_output();
}

bool PeerSession::in_range(const BlockRef& block) const {
    if (block.piece.value() >= config_.layout->piece_count()) return false;
    const std::uint32_t piece_size = config_.layout->piece_size(block.piece);
    return block.offset_in_piece <= piece_size && block.size <= piece_size - block.offset_in_piece;
}

void PeerSession::fail(Error reason) {
    failed_ = true;
    events_.push_back(Failed{reason});
}

}  // namespace btfs::wire
