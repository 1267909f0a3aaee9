#include "engine/wire/peer_session.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/wire/allowed_fast.hpp"
#include "engine/wire/metadata_message.hpp"

namespace btfs::wire {
namespace {

/// Limit for the peer's whole handshake, from the begin of the connection.
constexpr Duration kHandshakeTimeout = 10s;
constexpr Duration kReceiveTimeout = 140s;  // a keep-alive is due every two minutes (BEP 3)
/// Limit for one message or block, from its first byte: a byte now and then is not a sign of life.
constexpr Duration kMessageTimeout = 120s;
constexpr Duration kKeepAliveAfter = 100s;
/// Limit while the number of pieces is unknown: the bitfield of the largest torrent whose metadata we can
/// fetch (BEP 9).
constexpr std::uint32_t kMaxUnknownMessageSize = 512 * 1024;
constexpr std::string_view kClientName = "btfs " BTFS_VERSION;

std::uint32_t max_message_size(const Layout* layout) {
    if (!layout) return kMaxUnknownMessageSize;
    return std::max(kMaxMessageSize, static_cast<std::uint32_t>(1 + units_for(layout->piece_count(), 8)));
}

}  // namespace

PeerSession::PeerSession(const Config& config, BlockPlaces& places, TimePoint now)
    : config_(config),
      places_(places),
      inbound_(*this, max_message_size(config.layout)),
      metadata_(config.metadata),
      begun_(now),
      now_(now),
      last_received_(now),
      last_sent_(now) {
    am_interested_ = config.interested;
    if (config.direction == Direction::incoming) return;  // the peer's handshake comes first, with the hash
    handshake_sent_ = config.greeted;
    if (!handshake_sent_) send_handshake(config.identity.wire_hash());
    if (!config.interested || !config.eager) return;
    if (config.layout && !config.have.none()) send_pieces();
    send(Interested{});
}

// ---- called by the connection ----

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

/// Answers a handshake that has arrived up to its info-hash: some peers send their id only after our
/// handshake.
void PeerSession::answer_begun_handshake() {
    const auto asked_for = Handshake::parse_hash(inbound_.staged());
    if (asked_for && config_.identity.answers_to(*asked_for)) send_handshake(*asked_for);
}

void PeerSession::handle_sent(std::size_t size, TimePoint now) {
    now_ = last_sent_ = now;
    const OutboundQueue::Sent sent = outbound_.sent(size);
    content_sent_ += sent.content;
    control_sent_ += sent.control;
    if (requests_unsent() && control_sent_ >= requests_end_) {
        requests_end_ = 0;
        if (now > unsent_since_ + kSentLate) requests_sent_late_ = now;
    }
}

TimePoint PeerSession::next_timeout() const {
    if (failed_) return kNever;
    return std::min(silent_at(),
                    greeted_ ? std::min(last_sent_ + kKeepAliveAfter, requests_.next_timeout()) : kNever);
}

/// Returns when the connection times out: the peer has sent no byte, or not finished a message, for too long.
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
    if (!greeted_) return;  // sent with the first messages
    interested ? send(Interested{}) : send(NotInterested{});
}

void PeerSession::set_choking(bool choking) {
    if (am_choking_ == choking || !greeted_) return;
    am_choking_ = choking;
    if (!choking) return send(Unchoke{});
    send(Choke{});
    // With the fast extension each dropped request needs a reject; without it, the choke implies the drop.
    const auto granted = [&](const BlockRef& block) { return to_serve_.is_granted(block.piece); };
    for (const BlockRef& block : outbound_.drop_blocks_not_begun(granted))
        if (capabilities_.fast) send(RejectRequest{block});
    for (const BlockRef& block : to_serve_.drop_choked()) {
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
    if (!requests_unsent()) unsent_since_ = now;
    requests_end_ = control_sent_ + outbound_.control_bytes();
}

void PeerSession::cancel(const BlockRef& block, TimePoint now) {
    now_ = now;
    const auto cancelled = requests_.cancel(block, now);
    if (cancelled == RequestsInFlight::Cancelled::to_tell) send(Cancel{block});
    if (cancelled == RequestsInFlight::Cancelled::under_way) inbound_.divert_block();
}

void PeerSession::send_block(const BlockRef& block, ContentView content) {
    if (!to_serve_.remove(block)) return;
    const bool was_empty = outbound_.empty();
    outbound_.push_block(block, std::move(content));
    if (was_empty) config_.on_output();
}

void PeerSession::refuse_block(const BlockRef& block) {
    if (to_serve_.remove(block) && capabilities_.fast) send(RejectRequest{block});
}

void PeerSession::know_content(const Layout& layout, std::shared_ptr<const Bytes> metadata, TimePoint now) {
    assert(!config_.layout);
    config_.layout = &layout;
    metadata_ = MetadataServer(std::move(metadata));
    now_ = now;
    if (metadata_.size() && greeted_ && capabilities_.extended) send_extended_handshake();
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

void PeerSession::send_holepunch(const HolepunchMessage& message) {
    if (!understands_holepunch()) return;
    const Bytes payload = message.encode();
    send(Extended{extended_.holepunch_id, payload});
}

// ---- messages of the peer ----

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

Handshake PeerSession::our_handshake(const Sha1Digest& info_hash, const PeerId& our_id, bool with_dht) {
    return {{.fast = true, .extended = true, .dht = with_dht}, info_hash, our_id};
}

void PeerSession::send_handshake(const Sha1Digest& info_hash) {
    const bool was_empty = outbound_.empty();
    ByteWriter(outbound_.control())
        .bytes(our_handshake(info_hash, config_.our_id, config_.dht_port != 0).encode());
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
    if (capabilities_.fast && config_.layout && config_.allowed_fast) send_allowed_fast();
    const bool said = config_.interested && config_.eager;
    if (am_interested_ && !said) send(Interested{});
    if (!am_interested_ && said) send(NotInterested{});
}

void PeerSession::send_extended_handshake() {
    ExtendedHandshake ours;
    ours.dont_have_id = kDontHaveId;
    ours.metadata_size = metadata_.size();
    if (ours.metadata_size || !config_.layout) ours.metadata_id = kMetadataId;
    if (config_.pex) ours.pex_id = kPexId;
    if (config_.holepunch) ours.holepunch_id = kHolepunchId;
    ours.reqq = kOurReqq;
    ours.client = kClientName;
    // Of a peer by name behind a proxy the address is not known.
    if (!config_.remote.address.is_reserved()) ours.your_address = config_.remote.address;
    ours.upload_only = config_.layout && config_.have.all();
    if (config_.listen_port != 0) ours.listen_port = config_.listen_port;
    const Bytes payload = ours.encode();
    send(Extended{kExtendedHandshakeId, payload});
}

void PeerSession::send_allowed_fast() {
    std::vector<PieceIndex> pieces =
        allowed_fast_set(config_.remote.address, config_.identity.wire_hash(), config_.layout->piece_count());
    std::erase_if(pieces, [&](PieceIndex piece) { return !config_.have.test(piece); });
    for (PieceIndex piece : pieces) send(AllowedFast{piece});
    to_serve_.grant(std::move(pieces));
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

// ---- auxiliary functions ----

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
