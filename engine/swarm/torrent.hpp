// One torrent's swarm: events in, actions out. The coordinator of the machines in this folder.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <variant>
#include <vector>

#include "engine/core/address_vote.hpp"
#include "engine/core/file_selection.hpp"
#include "engine/core/identity.hpp"
#include "engine/core/layout.hpp"
#include "engine/core/rate_meter.hpp"
#include "engine/core/reader_demand.hpp"
#include "engine/core/rng.hpp"
#include "engine/storage.hpp"
#include "engine/swarm/admission.hpp"
#include "engine/swarm/ban_list.hpp"
#include "engine/swarm/blame.hpp"
#include "engine/swarm/choker.hpp"
#include "engine/swarm/demand.hpp"
#include "engine/swarm/dispatcher.hpp"
#include "engine/swarm/holepunch.hpp"
#include "engine/swarm/idle_interest.hpp"
#include "engine/swarm/kept_peers.hpp"
#include "engine/swarm/metadata_fetch.hpp"
#include "engine/swarm/own_limits.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/swarm/peer_list.hpp"
#include "engine/swarm/peer_status.hpp"
#include "engine/swarm/pex.hpp"
#include "engine/swarm/picker.hpp"
#include "engine/swarm/piece_map.hpp"
#include "engine/swarm/reader_waits.hpp"
#include "engine/swarm/seed_rule.hpp"
#include "engine/swarm/super_seeding.hpp"
#include "engine/swarm/take_limit.hpp"
#include "engine/swarm/transfer_limits.hpp"
#include "engine/swarm/uploader.hpp"

namespace btfs {

// ---- actions, which the engine carries out ----

/// Connect to a peer; handle_connected() or handle_dial_failed() answers.
struct Dial {
    Endpoint endpoint;
    DialManner manner = {};
    /// It takes uTP connections, as somebody says.
    bool utp_told = false;
    FirstTransport first = FirstTransport::usual;
    /// A relay tells the peer to dial us, too (BEP 55): over uTP alone, at once.
    bool punch = false;
    /// The handshake that is to be sent inside the encryption handshake; empty if the manner is plain and is
    /// not contested, and the session sends it.
    Bytes greeting = {};
    /// A read waits for the first peer: the encrypted manner is tried at the same time.
    /// handle_dial_settled() tells which one it was.
    bool contested = false;
};
/// A connection that was made.
struct NewConnection {
    wire::Direction direction;
    /// How long dialling took, a first round trip.
    std::optional<Duration> connect_time = {};
    /// It began with an encryption handshake; if we have dialled, Dial's greeting was sent inside.
    bool encrypted = false;
    bool utp = false;
    /// True if the connection is that of a Dial with `punch`.
    bool punched = false;
};
/// The peer has bytes to send.
struct Send {
    ConnectionId connection;
};
/// Close the connection; the torrent has forgotten it already.
struct Disconnect {
    ConnectionId connection;
    Error reason;
};
/// The last missing piece has come: trackers are to be told.
struct Completed {};
/// The info dictionary is here, and has the right hash: parse it, open a store, know_content().
struct MetadataFetched {
    std::shared_ptr<const Bytes> info;
};

/// A peer has told where its DHT node is.
struct DhtNodeTold {
    Endpoint endpoint;
};

/// A reader waits and no connected peer can serve it: trackers and the DHT are to be asked for more.
struct PeersWanted {};

/// Uploading has ended, since this goal is reached; or it goes on, since none is.
struct SeedingChanged {
    std::optional<SeedGoal> reached;
};

/// A piece came from this web seed, and did not match its hash.
struct WebSeedFailed {
    std::uint32_t seed;
    PieceIndex piece;
};

/// Super seeding is over: from now on every peer is told of all pieces.
struct SuperSeedingEnded {};

using TorrentAction = std::variant<Dial, Send, Disconnect, Completed, MetadataFetched, DhtNodeTold,
                                   PeersWanted, SeedingChanged, WebSeedFailed, SuperSeedingEnded>;

/// Ports at which peers reach us.
struct PeerPorts {
    std::uint16_t tcp = 0;
    /// Of our DHT node; 0: none.
    std::uint16_t dht = 0;
};

struct TorrentOptions {
    wire::PeerId peer_id{};
    PeerPorts ports = {};
    std::size_t max_peers = 80;
    /// Nobody is unchoked any more once one of them is reached.
    SeedGoals seed_goals = {};
    /// Offer few pieces at a time until each is at some peer (BEP 16). Changes nothing unless all pieces are
    /// here from the start.
    bool super_seed = false;
    /// Fetch pieces that no reader wants, too.
    bool background = false;
    /// If so, of these files alone; empty: of all.
    std::vector<FileRange> background_files = {};
    /// Tell peers of each other, and hear of others from them (BEP 11).
    bool pex = true;
    /// Connections are made and taken over uTP, so peers may be brought together (BEP 55), if `pex` is on.
    bool utp = false;
    /// Asked with each connection, and before a relay is asked: false while datagrams have no way out, as
    /// through a proxy that does not relay them. Then peers are not told that we could be brought together
    /// with others.
    std::function<bool()> datagrams_pass = [] { return true; };
    /// Manners in which peers are dialled.
    Encryption encryption = Encryption::allow;
    /// Hosts that no torrent of the process connects to; outlives the torrent. Null: it has a list of its
    /// own.
    BanList* bans = nullptr;
    /// Upload slots, and interest without a reader, of all torrents of the process; they outlive the torrent.
    /// Null: it has its own.
    UploadSlots* upload_slots = nullptr;
    IdleInterest* idle_interest = nullptr;
    /// Called when there are actions to poll after what another torrent did.
    std::function<void()> on_actions = [] {};
    /// Limits that all torrents of the process share; outlives the torrent. Null: none.
    TransferLimits* limits = nullptr;
    /// It begins paused: see Torrent::set_paused().
    bool paused = false;
};

/// Bytes of content by the connections that they came over.
struct ReceivedBytes {
    std::uint64_t tcp = 0;
    std::uint64_t utp = 0;
    std::uint64_t web_seeds = 0;

    std::uint64_t sum() const { return tcp + utp + web_seeds; }
    ReceivedBytes& operator+=(const ReceivedBytes& other) {
        tcp += other.tcp;
        utp += other.utp;
        web_seeds += other.web_seeds;
        return *this;
    }
};

struct TorrentTotals {
    std::uint64_t uploaded = 0;
    std::uint64_t downloaded = 0;  ///< the sum of `received`
    ReceivedBytes received;
    std::uint64_t wasted = 0;
    std::uint64_t hedges = 0;  ///< requests for blocks that another peer was asked for already
    std::uint64_t left = 0;
    /// Something is left, but all that is fetched without a reader is here, and there is no reader (BEP 21).
    /// Never of a torrent that is fetched on demand alone: it wants nothing now, and will want anything
    /// later.
    bool partial_seed = false;
    /// Uploading has ended, since this goal is reached.
    std::optional<SeedGoal> seeding_ended = {};
    std::size_t peers = 0;
    std::size_t seeds = 0;
};

/// Content of pieces, bytes per second.
struct TransferRates {
    double down = 0;
    double up = 0;
};

/// Progress of the info dictionary; zeros if none is being fetched, or its size is not known.
struct MetadataProgress {
    std::uint32_t pieces_had = 0;
    std::uint32_t piece_count = 0;
};

/// Coordinates peers, picker, demand, dispatcher, uploads and bans of one torrent. Sans-IO: it is told of
/// everything with `now`, and after each call the shell drains poll_action(). It needs no tick while it has
/// no peers and no timeout is due. On the engine thread alone.
class Torrent final : private wire::BlockPlaces, private IdleInterest::Holder {
  public:
    /// Of the torrent only the name is known, and the info dictionary is fetched from peers (BEP 9). Before
    /// know_content() there are no readers and no events of a store.
    Torrent(const Identity& identity, const TorrentOptions& options, std::uint64_t seed, TimePoint now);
    /// Sets the content. Asks the store once, here, which pieces it has. All references outlive the torrent.
    void know_content(const Layout& layout, Storage& storage, std::shared_ptr<const Bytes> metadata,
                      TimePoint now);
    /// Both at once.
    Torrent(const Identity& identity, const Layout& layout, Storage& storage, const TorrentOptions& options,
            std::uint64_t seed, TimePoint now);

    ~Torrent();

    /// The torrent is private (BEP 27): from now on only those are dialled that the user or a tracker has
    /// told of, peer exchange ends, and connections to others are closed.
    void become_private(TimePoint now);

    // ---- peers ----
    void handle_candidates(std::span<const Endpoint> endpoints, PeerSource source, TimePoint now);
    /// Peers that earlier runs have kept, the best first: they are dialled at once, and before others.
    void handle_kept_peers(std::span<const KeptPeer> peers, TimePoint now);
    /// True if some peer has given verified content since the last call of peers_to_keep().
    bool has_peers_to_keep() const { return kept_.changed(); }
    /// The peers that are worth keeping for the next run, the best first.
    std::vector<KeptPeer> peers_to_keep(TimePoint now);
    /// An error of our own network, such as no route, does not count as the peer's failure. After
    /// Errc::encryption_refused the peer is dialled in another manner.
    /// `punch` is that of the Dial.
    void handle_dial_failed(const Endpoint& endpoint, Error reason, TimePoint now, bool punch = false);
    /// Gives kNobody if the peer is not wanted.
    ConnectionId handle_connected(const Endpoint& endpoint, const NewConnection& connection, TimePoint now);
    /// A web seed takes part as a peer that wants nothing. It is not dialled, nor told to others, and no
    /// address is banned for it. kNobody if the torrent lacks nothing, or has no content yet.
    ConnectionId add_web_seed(std::uint32_t number, TimePoint now);
    /// A reader is here, or something is fetched without one; never of a paused torrent.
    bool wants_content() const;
    /// The end, in the torrent, of the run of pieces without content that begins with the one there.
    std::uint64_t gap_end(std::uint64_t offset_in_torrent) const;
    /// The peer's session for the shell's receive_buffers() and send_buffers(); null when it is gone.
    wire::PeerSession* session(ConnectionId connection);
    /// True while the peer is asked for next to nothing, since it owed blocks and sent none.
    bool is_snubbed(ConnectionId connection) const;
    void handle_received(ConnectionId connection, std::size_t size, TimePoint now);
    void handle_bytes(ConnectionId connection, ByteView bytes, TimePoint now);
    void handle_sent(ConnectionId connection, std::size_t size, TimePoint now);
    /// The first bytes of the peer come, over the connection of a contested dial that goes on.
    void handle_dial_settled(ConnectionId connection, bool utp, bool encrypted);
    /// Content goes to the peer, and this is its round trip now, and the shortest it has had.
    void handle_round_trip(ConnectionId connection, Duration latest, Duration shortest);
    /// Content comes over TCP, and this is what the kernel has counted.
    void handle_reception(ConnectionId connection, const TcpReception& reception);
    void handle_closed(ConnectionId connection, TimePoint now);
    /// The connection's path leads nowhere any more, so the peer does not know that it has ended. The peer is
    /// dialled under another peer id from then on.
    void handle_path_broken(ConnectionId connection, TimePoint now);

    // ---- the network, and the process's limits ----
    /// Our addresses or routes have changed: peers that failed are dialled anew, and those that owe blocks
    /// and stay silent are dialled a second time.
    void on_network_changed(TimePoint now);
    /// The process's BanList has another IP filter: connections to the addresses in it are closed.
    void on_filter_changed(TimePoint now);
    std::size_t connection_count() const { return peers_.size(); }
    bool readers_wait() const { return !content_->demand.blocked().empty(); }
    /// Closes up to `count` connections, the least useful first; gives how many. A connection that owes
    /// blocks of a blocked read, or that takes content from us, stays.
    std::size_t give_up_connections(std::size_t count, TimePoint now);
    /// From now on at most so many dials are under way at a time; kMaxDialling at first, 0: none.
    void set_max_dialling(std::size_t count, TimePoint now);
    static constexpr std::size_t kMaxDialling = 24;
    /// Interval at which connections are looked after.
    static constexpr Duration kHousekeeping = std::chrono::seconds(1);
    /// The store hears which pieces are rare so often.
    static constexpr Duration kTellRareEvery = std::chrono::seconds(60);
    /// While a reader waits and nothing comes, peers are asked for, and silent ones dialled again, so often.
    static constexpr Duration kWantPeersEvery = std::chrono::seconds(15);
    static constexpr Duration kRedialEvery = std::chrono::seconds(5);
    /// Peers that owe blocks of a blocked read have been silent for so long when they are dialled a second
    /// time.
    static constexpr Duration kRedialAfter = std::chrono::seconds(2);
    static constexpr Duration kRedialDoubtfulAfter = std::chrono::milliseconds(800);
    static constexpr std::size_t kMaxRedialling = 8;
    /// Endpoints that are dialled under another peer id.
    static constexpr std::size_t kMaxOtherIds = 256;
    /// Dials on behalf of relays that are under way at a time.
    static constexpr std::size_t kMaxPunching = 8;
    /// Dials under way beyond which no further one is contested.
    static constexpr std::size_t kMaxContested = 16;
    /// When all connections are taken, one makes room for a peer that was not tried yet, so often.
    static constexpr Duration kTurnoverEvery = std::chrono::seconds(5);
    /// The same while a reader waits.
    static constexpr Duration kHurriedTurnover = std::chrono::seconds(1);

    // ---- the store ----
    void handle_verified(PieceIndex piece, std::span<const Sha1Digest> block_digests, TimePoint now);
    void handle_mismatch(PieceIndex piece, std::span<const Sha1Digest> block_digests, TimePoint now);
    void handle_lost(PieceIndex piece, TimePoint now);
    /// Pieces were given up to make room: only readers want them back.
    void handle_evicted(std::span<const PieceIndex> pieces, TimePoint now);
    /// The user wants these pieces to be fetched and kept. Ignored while the content is not known.
    void set_pinned(Bitfield pieces, TimePoint now);
    /// These pieces are fetched without a reader, once: one that is evicted again is not fetched anew.
    void prefetch(const Bitfield& pieces, TimePoint now);
    /// A paused torrent has no connections, dials none and takes none, and asks for nothing; readers wait for
    /// what is not here. Nothing that readers and the user want is forgotten: a resumed one goes on at once.
    void set_paused(bool paused, TimePoint now);
    bool is_paused() const { return paused_; }
    /// Uploading ends at these goals from now on. One that has ended goes on if none of them is reached.
    void set_seed_goals(const SeedGoals& goals, TimePoint now);
    /// Other limits of this torrent from now on. Connections beyond them end, but those that a read needs.
    void set_limits(const OwnLimits& limits, TimePoint now);
    std::size_t max_peers() const { return own_limits_.max_peers.value_or(options_.max_peers); }
    /// Begun pieces that no reader wants are given up.
    void handle_shortage(TimePoint now);
    void handle_credit(TimePoint now);
    void handle_read(ReadTicket ticket, const Result<ContentView>& content, TimePoint now);

    // ---- readers ----
    void set_reader(ReaderId reader, const ReaderDemand& demand, TimePoint now);
    void drop_reader(ReaderId reader, TimePoint now);

    /// Where the world beyond an IPv4 gateway reaches us, if not at our own ports: new peers out there are
    /// told.
    void set_outside_ports(const PeerPorts& ports) { outside_ports_ = ports; }
    /// A tracker or peer sees us at `ours`: its vote (BEP 24, `yourip`). Private addresses count for nothing.
    void handle_own_address(const Address& voter, const Address& ours);

    TimePoint next_timeout() const;
    void handle_timeout(TimePoint now);
    std::optional<TorrentAction> poll_action();

    TorrentTotals totals() const;
    TransferRates rates(TimePoint now) const {
        return {down_.bytes_per_second(now), up_.bytes_per_second(now)};
    }
    MetadataProgress metadata_progress() const;
    /// All connections, in the order in which they were made.
    std::vector<PeerStatus> peer_statuses(TimePoint now) const;
    /// Why each reader waits that does; empty while none does.
    std::vector<ReaderWait> reader_waits() const;
    /// Nothing while only the torrent's name is known. Takes time and memory for each piece.
    std::optional<PieceMap> piece_map() const;
    /// Peers that are known by their address.
    std::size_t peers_known() const { return peer_list_.size(); }
    const Picker& picker() const { return content_->picker; }

  private:
    std::span<std::byte> place_of(const BlockRef& block) override;

    /// Handles what the session has to tell; false if that was nothing.
    bool drain(Peer& peer, TimePoint now);
    void on_event(Peer& peer, const wire::Greeted&, TimePoint now);
    void on_event(Peer& peer, const wire::PiecesKnown&, TimePoint now);
    void on_event(Peer& peer, const wire::PieceGained& e, TimePoint now);
    void on_event(Peer& peer, const wire::PieceLost& e, TimePoint now);
    void on_event(Peer& peer, const wire::Choked&, TimePoint now);
    void on_event(Peer& peer, const wire::Unchoked&, TimePoint now);
    void on_event(Peer& peer, const wire::InterestChanged&, TimePoint now);
    void on_event(Peer& peer, const wire::BlockArrived& e, TimePoint now);
    void on_event(Peer& peer, const wire::BlockUnneeded& e, TimePoint now);
    void on_event(Peer& peer, const wire::BlockRefused& e, TimePoint now);
    void on_event(Peer& peer, const wire::BlockWanted& e, TimePoint now);
    void on_event(Peer& peer, const wire::BlockNotWanted& e, TimePoint now);
    void on_event(Peer& peer, const wire::ExtensionsKnown&, TimePoint now);
    void on_event(Peer& peer, const wire::DhtPortTold& e, TimePoint now);
    void on_event(Peer& peer, const wire::MetadataArrived& e, TimePoint now);
    void on_event(Peer& peer, const wire::MetadataRefused& e, TimePoint now);
    void on_event(Peer& peer, const wire::PexArrived& e, TimePoint now);
    void on_event(Peer& peer, const wire::HolepunchArrived& e, TimePoint now);
    void on_event(Peer& peer, const wire::Failed& e, TimePoint now);

    /// Called after each input: asks for blocks, dials, and notes the peers that have bytes to send.
    void settle(TimePoint now);
    void ask_for_metadata(TimePoint now);
    void tell_of_peers(TimePoint now);
    void dial_more(TimePoint now);
    bool can_dial() const;
    void make_room_to_dial(TimePoint now);
    void redial_silent(TimePoint now);
    void try_transports(TimePoint now);
    void reconnect(ConnectionId connection, FirstTransport first, TimePoint now);
    void ask_for_peers(TimePoint now);
    bool drop_replaced(const Peer& newer, TimePoint now);
    void drop_second(Peer& older, TimePoint now);
    bool owes_blocked(const Peer& peer) const;
    wire::PeerId other_peer_id();
    const wire::PeerId& our_id_for(const Endpoint& endpoint) const;
    /// A second connection that is to take the place of `replaces`, under another peer id.
    struct Redial {
        ConnectionId replaces;
        wire::PeerId our_id;
    };
    std::optional<Redial> take_redial(const Endpoint& endpoint);
    void dial(const Endpoint& endpoint, const wire::PeerId& our_id);
    Dial dial_action(const Endpoint& endpoint, const wire::PeerId& our_id);
    bool is_dial_contested(const Endpoint& endpoint) const;
    void punch(const Endpoint& endpoint);
    void end_punch(const Endpoint& endpoint, Error reason, TimePoint now);
    bool counts_as_connected(const Endpoint& endpoint) const;
    void count_failed_dial(const Endpoint& endpoint, Error reason, TimePoint now);
    void ask_relays(TimePoint now);
    void tell(const std::vector<Holepunch::Telling>& tellings);
    bool is_connected_at(const Endpoint& endpoint) const;
    bool is_ours(const Endpoint& endpoint) const;
    std::uint8_t pex_flags(const Peer& peer) const;
    std::uint16_t dht_port_for(const Address& remote) const;
    void disconnect(ConnectionId connection, Error reason, TimePoint now);
    std::vector<ConnectionId> redundant(const Peer& peer, TimePoint now);
    static bool is_same_peer(const Peer& one, const Peer& other);
    void close_duplicates(TimePoint now);
    void close_duplicates_of(const Peer& peer, TimePoint now);
    void remove(ConnectionId connection, ConnectionUse use, TimePoint now);
    void after_pieces_changed(Peer& peer, TimePoint now);
    void note_givers(const PartialPiece& verified, TimePoint now);
    void ban(const Address& address, PieceIndex piece, TimePoint now);
    void discard_blocks_from(const Address& address);
    std::uint64_t announced_bytes() const;
    bool active(TimePoint now) const;
    bool interesting(const Peer& peer) const;
    bool may_be_interested(const Address& remote, TimePoint now) const;
    bool is_connected_to(const Address& host) const override;
    bool waits_at(const Address& host) const override;
    void reconsider_interest(TimePoint now) override;
    void tell_of_idleness(TimePoint now);
    Choker::Aim aim(TimePoint now) const;
    void on_background_changed(TimePoint now);
    void update_interest(Peer& peer, TimePoint now);
    void reconsider_blame(TimePoint now);
    void withdraw(PieceIndex piece, TimePoint now);
    void announce(PieceIndex piece);
    void announce_what_lasts();
    void tell_what_is_rare(TimePoint now);
    void keep_own_max_peers(TimePoint now);
    void apply_rate_limits(TimePoint now);
    void judge_seeding(TimePoint now);
    void super_seed(TimePoint now);
    bool may_upload(const Peer& peer, PieceIndex piece) const;
    const PeerPorts& ports_for(const Address& remote) const;
    void housekeep(TimePoint now);

    /// The machines that have to know the pieces.
    struct Content {
        Content(const Layout& the_layout, Storage& the_storage, PeerTable& peers, TakeLimit& take_limit,
                const TorrentOptions& options, std::uint64_t random_seed);

        const Layout& layout;
        Storage& storage;
        Picker picker;
        Demand demand;
        Blame blame;
        Dispatcher dispatcher;
        Uploader uploader;
    };

    const Identity& identity_;
    const TorrentOptions options_;
    OwnLimits own_limits_;
    PeerPorts outside_ports_;
    Rng rng_;

    /// Pieces that peers are told of: without those that an unclean end left unproven.
    Bitfield announced_{0};
    Bitfield withdrawn_{0};  ///< pieces that were announced once, and given up
    /// Pieces that are had, but were not likely to last.
    std::set<PieceIndex> unannounced_;
    PeerTable peers_;
    TakeLimit take_limit_;
    std::unique_ptr<Content> content_;  ///< of nothing while metadata_fetch_ is there
    BanList own_bans_;
    BanList& bans_;
    UploadSlots own_slots_;
    UploadSlots& slots_;
    Choker choker_;
    IdleInterest own_idle_;
    IdleInterest& idle_;
    PeerList peer_list_;
    KeptPeers kept_;
    Admission admission_;
    TransportTrial transports_;
    /// Votes of peers and trackers on our addresses: one alone could choose whom we dial first (BEP 40).
    AddressVote own_v4_, own_v6_;
    std::optional<Pex> pex_;              ///< nothing if it is off, or the torrent private
    std::optional<Holepunch> holepunch_;  ///< nothing if that is so, or there is no uTP
    std::optional<MetadataFetch> metadata_fetch_;
    std::shared_ptr<const Bytes> metadata_;

    ConnectionId next_connection_ = 1;
    std::size_t dialling_ = 0;
    std::size_t max_dialling_ = kMaxDialling;
    /// Our peer ids for those that may take a connection of ours that has gone for one that is there.
    std::map<Endpoint, wire::PeerId> other_ids_;
    /// Second connections that are being made.
    std::map<Endpoint, Redial> redialling_;
    /// Dials on behalf of relays; true: the peer list counts the endpoint as connected because of it.
    std::map<Endpoint, bool> punching_;
    TimePoint turnover_due_{};
    TimePoint want_peers_due_{};
    TimePoint rare_due_{};
    TimePoint housekeeping_due_ = kNever;
    bool slots_due_ = false;  ///< some peer's interest has changed
    bool paused_;
    bool choice_waits_ = false;  ///< several connections with one peer are left to it to choose from
    TimePoint last_active_;
    bool wanted_content_ = false;  ///< what wants_content() was when the others were told

    std::deque<TorrentAction> actions_;
    std::set<ConnectionId> sending_;  // Send is among the actions
    std::uint64_t uploaded_gone_ = 0;
    ReceivedBytes received_;
    RateMeter down_, up_;
    SeedRule seed_rule_;
    std::optional<SeedGoal> seeding_ended_;
    std::optional<SuperSeeding> super_seeding_;
    bool super_seeding_end_said_ = false;
    bool completed_said_ = false;
};

}  // namespace btfs
