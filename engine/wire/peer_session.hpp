// One peer's side of the protocol, without a socket: bytes and commands in, bytes and events out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/core/bitfield.hpp"
#include "engine/core/content_view.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/identity.hpp"
#include "engine/core/layout.hpp"
#include "engine/core/time.hpp"
#include "engine/wire/extended.hpp"
#include "engine/wire/handshake.hpp"
#include "engine/wire/holepunch_message.hpp"
#include "engine/wire/inbound_stream.hpp"
#include "engine/wire/message_budget.hpp"
#include "engine/wire/messages.hpp"
#include "engine/wire/metadata_server.hpp"
#include "engine/wire/outbound_queue.hpp"
#include "engine/wire/pex_message.hpp"
#include "engine/wire/requests_in_flight.hpp"
#include "engine/wire/requests_to_serve.hpp"

namespace btfs::wire {

/// Memory for requested blocks. The session asks for it when a block's header has come, or is expected to be
/// next.
class BlockPlaces {
  public:
    /// The block's memory, `block.size` bytes, if this peer alone may write there until the block ends
    /// or is cancelled; else empty, and the bytes come with BlockArrived.
    virtual std::span<std::byte> place_of(const BlockRef& block) = 0;

  protected:
    ~BlockPlaces() = default;
};

// ---- events ----

struct Greeted {};  ///< both handshakes are done: peer_id() and capabilities() are known
/// The peer's pieces have become known, or many of them have changed at once: see pieces() and is_seed().
struct PiecesKnown {};
struct PieceGained {
    PieceIndex piece;
};
struct PieceLost {  ///< lt_donthave
    PieceIndex piece;
};
struct Choked {};
struct Unchoked {};
struct InterestChanged {};
/// A requested block has come whole. `data` is empty if it was received into its place.
struct BlockArrived {
    BlockRef block;
    Bytes data;
};
/// A block that was cancelled, or forgotten after a choke, has come all the same.
struct BlockUnneeded {
    BlockRef block;
};
/// A requested block will not come: rejected, or dropped by a choke. `choking`: the peer choked us when it
/// said so.
struct BlockRefused {
    BlockRef block;
    bool choking;
};
/// The peer asks for a block that it may have, and that send_block() or refuse_block() must answer.
struct BlockWanted {
    BlockRef block;
};
/// The peer cancelled a BlockWanted. The session has answered; the owner must not.
struct BlockNotWanted {
    BlockRef block;
};
struct ExtensionsKnown {};  ///< extended() is filled
/// The peer has a DHT node on that port (BEP 5).
struct DhtPortTold {
    std::uint16_t port;
};
/// A part of the info dictionary, or its refusal (BEP 9). Whether it was asked for is not checked.
struct MetadataArrived {
    std::uint32_t piece;
    std::uint32_t total_size;
    Bytes data;
};
struct MetadataRefused {
    std::uint32_t piece;
};
/// Peers that the peer is connected to (BEP 11). How often it says so is not checked.
struct PexArrived {
    PexMessage message;
};
/// A message of a relay, or for one (BEP 55). How often such messages come is not checked.
struct HolepunchArrived {
    HolepunchMessage message;
};
/// The connection has to be closed now; nothing follows.
struct Failed {
    Error reason;
};

using PeerEvent =
    std::variant<Greeted, PiecesKnown, PieceGained, PieceLost, Choked, Unchoked, InterestChanged,
                 BlockArrived, BlockUnneeded, BlockRefused, BlockWanted, BlockNotWanted, ExtensionsKnown,
                 DhtPortTold, MetadataArrived, MetadataRefused, PexArrived, HolepunchArrived, Failed>;

enum class Direction { outgoing, incoming };

/// One connection whose transport is there: handshake, choke, interest, the peer's pieces, requests both ways
/// (BEP 3, 6, 9, 10, 11, 21, 54, 55). Knows nothing of other peers, and decides nothing about what to fetch
/// or whom to unchoke. A peer that breaks the protocol gets Failed.
///
/// Promises: never more requests in flight than the peer's reqq; never a request while choked but for the
/// allowed-fast set; each of its requests answered once; Interested right behind our handshake where that is
/// wanted, so that a seed unchokes us in the first round trip.
class PeerSession final : private InboundStream::Sink {
  public:
    static constexpr std::uint32_t kOurReqq = RequestsToServe::kMaxWaiting;
    /// Bytes of unsent messages, blocks not counted, beyond which the connection stops reading: each further
    /// message of the peer may need another answer. One more read may add to the backlog. Reading resumes at
    /// half of it.
    static constexpr std::size_t kMaxControlBacklog = 256 * 1024;
    static constexpr std::uint32_t kDefaultReqq = 250;

    // Points of MessageBudget; a message that changes nothing takes one.
    /// Requests that are refused: each is answered.
    static constexpr std::int64_t kRefusedPoints = 4;
    /// A request that is taken back: the store may have read for it.
    static constexpr std::int64_t kCancelledPoints = 2;
    static constexpr std::int64_t kLostPiecePoints = 2;
    /// All that peers were asked is thought over again.
    static constexpr std::int64_t kUnchokePoints = 20;
    /// Bencode; and one more for so many bytes of it.
    static constexpr std::int64_t kExtendedPoints = 20;
    static constexpr std::size_t kExtendedBytesAPoint = 64;
    /// All peers are looked at, and two of them may get a message.
    static constexpr std::int64_t kHolepunchPoints = 20;
    /// A step that looks at all pieces takes one for so many of them.
    static constexpr std::int64_t kPiecesAPoint = 4096;

    struct Config {
        Direction direction = Direction::outgoing;
        const Identity& identity;
        /// Null while the torrent's name is all that is known of it: see know_content().
        const Layout* layout = nullptr;
        PeerId our_id{};
        Endpoint remote;
        std::uint16_t listen_port = 0;
        /// Port of our DHT node (BEP 5); 0: none, or none that this torrent may be known to.
        std::uint16_t dht_port = 0;
        /// Say Interested: with the first messages, when the peer's handshake is there; or right behind our
        /// own, which saves a round trip, but makes some clients hang up (aria2 wants 68 bytes and no more).
        /// If we have pieces, our bitfield goes before it: rTorrent takes any other first message for "no
        /// pieces".
        bool interested = true;
        bool eager = false;
        /// Our handshake has gone out before, inside the connection's encryption handshake.
        bool greeted = false;
        /// Pieces that may be announced to the peer.
        const Bitfield& have;
        /// The info dictionary for peers that ask for it (BEP 9); null: it is not handed out.
        std::shared_ptr<const Bytes> metadata = nullptr;
        /// Peer exchange (BEP 11) both ways; see end_pex().
        bool pex = false;
        /// ut_holepunch (BEP 55) both ways; see end_holepunch().
        bool holepunch = false;
        /// Answer the peer's first message with a keep-alive, unless something else is to be sent. Over uTP
        /// Transmission before 4.1 leaves what stands behind our handshake in the same datagram unread until
        /// more comes.
        bool prompts = false;
        /// Let it request a few pieces while it is choked (BEP 6).
        bool allowed_fast = true;
        /// Called when there is something to send and there was nothing before.
        std::function<void()> on_output = [] {};
    };

    /// All references of `config`, and `places`, outlive the session.
    PeerSession(const Config& config, BlockPlaces& places, TimePoint now);
    PeerSession(const PeerSession&) = delete;
    PeerSession& operator=(const PeerSession&) = delete;

    /// The handshake that a session sends; `with_dht`: it has a DHT node to tell of.
    static Handshake our_handshake(const Sha1Digest& info_hash, const PeerId& our_id, bool with_dht);

    // ---- the shell's side ----
    std::size_t receive_buffers(std::span<iovec> out) { return inbound_.receive_buffers(out); }
    /// Least number of bytes that can change anything: the rest of the block under way.
    std::size_t worth_receiving() const { return std::max<std::size_t>(1, inbound_.rest_of_block()); }
    void handle_received(std::size_t size, TimePoint now);
    /// Bytes that were read before the session existed.
    void handle_bytes(ByteView bytes, TimePoint now);
    std::size_t send_buffers(std::span<iovec> out) { return outbound_.send_buffers(out); }
    void handle_sent(std::size_t size, TimePoint now);
    bool has_output() const { return !outbound_.empty(); }
    TimePoint next_timeout() const;
    void handle_timeout(TimePoint now);
    std::optional<PeerEvent> poll_event();

    // ---- what is known ----
    bool greeted() const { return greeted_; }
    const Endpoint& remote() const { return config_.remote; }
    Direction direction() const { return config_.direction; }
    const PeerId& peer_id() const { return peer_id_; }
    const Capabilities& capabilities() const { return capabilities_; }
    const ExtendedHandshake& extended() const { return extended_; }
    bool pieces_known() const { return pieces_known_; }
    bool has(PieceIndex piece) const { return is_seed_ || (pieces_ && pieces_->test(piece)); }
    bool is_seed() const { return is_seed_; }
    /// Null while the peer is a seed or has had no piece.
    const Bitfield* pieces() const { return pieces_ && !is_seed_ ? &*pieces_ : nullptr; }
    bool peer_choking() const { return peer_choking_; }
    bool peer_interested() const { return peer_interested_; }
    bool am_choking() const { return am_choking_; }
    bool am_interested() const { return am_interested_; }
    /// True if the piece may be requested now: unchoked, or it is in the allowed-fast set.
    bool may_request(PieceIndex piece) const;
    /// False while may_request() is false for every piece.
    bool may_request_any() const { return greeted_ && (!peer_choking_ || !allowed_fast_.empty()); }
    /// The pieces that may be requested while the peer chokes us (BEP 6).
    const std::vector<PieceIndex>& allowed_fast() const { return allowed_fast_; }
    const RequestsInFlight& requests() const { return requests_; }
    std::uint32_t reqq() const { return reqq_; }
    /// Bytes that wait to be sent: of blocks, and of all other messages.
    std::size_t upload_backlog() const { return outbound_.block_bytes(); }
    std::size_t control_backlog() const { return outbound_.control_bytes(); }
    std::uint64_t content_received() const { return content_received_; }
    std::uint64_t content_sent() const { return content_sent_; }
    /// When requests last left late, since they waited behind a block that we send; `now` while some wait.
    TimePoint requests_sent_late(TimePoint now) const {
        return requests_unsent() ? now : requests_sent_late_;
    }
    static constexpr Duration kSentLate = std::chrono::milliseconds(10);
    /// When anything came, when the last whole block came, and the last part of one.
    TimePoint last_received() const { return last_received_; }
    TimePoint last_content_received() const { return last_content_; }
    TimePoint last_progress() const { return last_progress_; }

    // ---- commands ----
    void set_interested(bool interested);
    void set_choking(bool choking);
    void announce_have(PieceIndex piece);
    /// We had announced a piece and do not have it any more (lt_donthave, where the peer speaks it).
    void announce_lost(PieceIndex piece);
    bool understands_lost() const { return extended_.dont_have_id != 0; }
    /// The caller has checked may_request(), has(), requests().size() < reqq().
    void request(const BlockRef& block, TimePoint now);
    /// The block's memory may go after this; its further bytes are thrown away.
    void cancel(const BlockRef& block, TimePoint now);
    void send_block(const BlockRef& block, ContentView content);
    void refuse_block(const BlockRef& block);
    /// Sets the pieces, once, if Config had none. Messages about pieces that came before now become events.
    /// Tells the peer that it can get the info dictionary from us, unless `metadata` is null.
    void know_content(const Layout& layout, std::shared_ptr<const Bytes> metadata, TimePoint now);
    /// Nothing if the peer does not speak ut_metadata (extended().metadata_id).
    void request_metadata(std::uint32_t piece);
    /// Nothing if the peer does not speak ut_pex (extended().pex_id).
    void send_pex(const PexMessage& message);
    /// Ends peer exchange both ways: the torrent turned out to be private (BEP 27).
    void end_pex() { config_.pex = false; }
    /// Nothing if the peer does not speak ut_holepunch (extended().holepunch_id).
    void send_holepunch(const HolepunchMessage& message);
    /// Ends ut_holepunch both ways: the torrent turned out to be private.
    void end_holepunch() { config_.holepunch = false; }
    bool understands_holepunch() const { return config_.holepunch && extended_.holepunch_id != 0; }

  private:
    Error on_handshake(ByteView raw) override;
    Error on_message(ByteView body) override;
    Result<std::span<std::byte>> on_block_begin(const BlockRef& block) override;
    void on_block_end(const BlockRef& block) override;
    std::optional<Guess> guess(std::size_t n) override;

    Error handle(const KeepAlive&) { return charge(1); }
    Error handle(const Choke&);
    Error handle(const Unchoke&);
    Error handle(const Interested&);
    Error handle(const NotInterested&);
    Error handle(const Have& m);
    Error handle(const BitfieldMessage& m);
    Error handle(const Request& m);
    Error handle(const Cancel& m);
    Error handle(const Port& m);
    Error handle(const SuggestPiece& m);
    Error handle(const HaveAll&);
    Error handle(const HaveNone&);
    Error handle(const RejectRequest& m);
    Error handle(const AllowedFast& m);
    Error handle(const Extended& m);
    Error on_metadata_message(ByteView payload);
    Error on_pex_message(ByteView payload);
    Error on_holepunch_message(ByteView payload);
    Error handle(const Unknown&) { return charge(1); }
    /// Takes points from the peer's budget. Errc::message_flood.
    Error charge(std::int64_t points) {
        return budget_.take(points, now_) ? Error{} : make_error_code(Errc::message_flood);
    }
    /// Points for a step that looks at all pieces.
    std::int64_t all_pieces_points() const { return config_.layout->piece_count() / kPiecesAPoint; }

    void send(const Message& message);
    void after_receiving();
    void answer_begun_handshake();
    TimePoint silent_at() const;
    void send_handshake(const Sha1Digest& info_hash);
    void send_pieces();
    void send_first_messages();
    void send_extended_handshake();
    void send_allowed_fast();
    /// False if the peer had it already.
    bool gain(PieceIndex piece);
    /// aria2 sends a bitfield, or HaveAll, instead of many Haves at any time.
    void gain(const Bitfield& pieces);
    void gain_all();
    Error take_all_pieces(bool all);
    bool in_range(const BlockRef& block) const;
    bool requests_unsent() const { return requests_end_ != 0; }
    void fail(Error reason);

    Config config_;
    BlockPlaces& places_;
    InboundStream inbound_;
    OutboundQueue outbound_;
    std::deque<PeerEvent> events_;

    bool handshake_sent_ = false;
    bool pieces_sent_ = false;  ///< our bitfield: behind it, each change is told
    bool greeted_ = false;
    bool prompted_ = false;  ///< Config::prompts has had its effect
    bool failed_ = false;
    PeerId peer_id_{};
    Capabilities capabilities_;
    ExtendedHandshake extended_;
    std::uint32_t reqq_ = kDefaultReqq;

    /// Messages about pieces that came before the layout was known.
    std::vector<Bytes> early_;
    std::size_t early_bytes_ = 0;
    bool pieces_known_ = false;
    bool is_seed_ = false;
    std::optional<Bitfield> pieces_;  ///< all bits set, or absent, while it is a seed

    bool peer_choking_ = true;
    bool peer_interested_ = false;
    bool am_choking_ = true;
    bool am_interested_ = false;

    RequestsInFlight requests_;
    std::vector<PieceIndex> allowed_fast_;  ///< pieces that we may request while choked
    RequestsToServe to_serve_;              ///< BlockWanted without an answer yet
    MetadataServer metadata_;
    std::optional<std::uint16_t> told_dht_port_;
    bool extensions_known_ = false;
    MessageBudget budget_;

    Bytes side_buffer_;  ///< for a block that others may write too

    std::uint64_t content_received_ = 0;
    std::uint64_t content_sent_ = 0;
    std::uint64_t control_sent_ = 0;
    std::uint64_t requests_end_ = 0;  ///< of control_sent_, once the last request has left; 0: it has
    TimePoint unsent_since_{}, requests_sent_late_{};
    const TimePoint begun_;
    TimePoint now_;
    TimePoint last_received_;
    TimePoint unfinished_since_ = kNever;  ///< the first byte of a message or block that is not whole yet
    std::uint64_t completed_ = 0;          ///< inbound_.completed() when that was looked at
    TimePoint last_sent_;
    TimePoint last_content_{};
    TimePoint last_progress_{};
};

}  // namespace btfs::wire
