// Node of the DHT for one address family (BEP 5, BEP 32): sends queries and answers those of other nodes.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <variant>
#include <vector>

#include "engine/core/address_vote.hpp"
#include "engine/core/rng.hpp"
#include "engine/core/time.hpp"
#include "engine/dht/item.hpp"
#include "engine/dht/krpc.hpp"
#include "engine/dht/lookup.hpp"
#include "engine/dht/peer_store.hpp"
#include "engine/dht/reachability.hpp"
#include "engine/dht/reply_budget.hpp"
#include "engine/dht/routing_table.hpp"
#include "engine/dht/tokens.hpp"

namespace btfs::dht {

/// A datagram to be sent.
struct Datagram {
    Endpoint to;
    Bytes bytes;
    /// Our address that an answer leaves from: the one that was asked. Unspecified for a query.
    Address from = {};
};

// ---- events of a node ----

/// Peers of a torrent that is looked up; there may be more.
struct PeersFound {
    NodeId info_hash;
    std::vector<Endpoint> peers;
};
/// A lookup of peers has ended, and we are announced if that was asked for.
struct PeersLookedUp {
    NodeId info_hash;
    std::size_t peers = 0;  ///< found, some of them several times
    std::size_t asked = 0;  ///< nodes
    unsigned hops = 0;
};
/// A lookup of an item has ended: the newest one that is proven, if any.
struct ItemLookedUp {
    NodeId target;
    std::optional<RawItem> item;
};
/// Nodes of the other address family that were heard of.
struct OtherFamily {
    std::vector<Contact> nodes;
};

using NodeEvent = std::variant<PeersFound, PeersLookedUp, ItemLookedUp, OtherFamily>;

/// A machine. It finds its place in the network by itself, from what add_contacts() and add_router() tell,
/// and keeps it with a few datagrams a minute. All that it holds is bounded. Its id is random, and one that
/// BEP 42 approves of once enough others have told us our address.
class Node {
  public:
    /// Queries under way; lookups wait beyond.
    static constexpr std::size_t kMaxPending = 512;
    static constexpr std::size_t kMaxLookups = 40;
    /// A query without an answer for so long has failed.
    static constexpr Duration kTimeout = 3s;
    /// Asked at a time by a lookup that somebody waits for, and by others.
    static constexpr std::size_t kParallel = 6;
    static constexpr std::size_t kParallelIdle = 3;
    /// Peers in one reply, at most; fewer if the datagram is full.
    static constexpr std::size_t kMaxPeersInReply = 100;
    /// With fewer nodes it looks for its own place again.
    static constexpr std::size_t kFewNodes = 8;
    static constexpr Duration kFirstRetry = 5s;
    static constexpr Duration kLongestRetry = 5min;
    /// Its own neighbourhood is looked over so often.
    static constexpr Duration kOwnLookupInterval = 30min;

    struct Announce {
        std::uint16_t port = 0;
        bool seed = false;
    };

    /// `rng` outlives this.
    Node(AddressFamily family, Rng& rng, TimePoint now);

    AddressFamily family() const { return family_; }
    const NodeId& id() const { return table_.own_id(); }

    /// Asked of each address: one that is refused is sent nothing, and what it sends is ignored. Without it
    /// none is refused.
    void set_refusal(std::function<bool(const Address&)> refuses) { refuses_ = std::move(refuses); }
    /// The function refuses others now: forgets the nodes that it refuses. Routers that are always asked stay
    /// known, and are asked when they are not refused.
    void handle_refusal_change();

    /// Nodes that an earlier run, a torrent or the other family knew: tried, and taken if they answer.
    void add_contacts(std::span<const Contact> contacts, TimePoint now);
    /// A node whose id is not known. With `always` it is asked again whenever there are few others; else it
    /// is pinged, or begun with if there are few others now.
    void add_router(const Endpoint& endpoint, bool always, TimePoint now);

    /// Events follow: PeersFound, and PeersLookedUp at the end. With `announce` the nodes that are nearest
    /// are told of us. False if there are too many lookups, or one of this torrent.
    bool find_peers(const NodeId& info_hash, std::optional<Announce> announce, TimePoint now);
    /// Ends the lookup of the torrent's peers, if there is one: nothing more is asked or announced, and no
    /// event follows.
    void end_search(const NodeId& info_hash);
    /// ItemLookedUp follows. False as above.
    bool find_item(const ItemName& name, TimePoint now);

    /// `to`: our address that the datagram was sent to, if that is known.
    void handle_datagram(const Endpoint& from, ByteView datagram, TimePoint now, const Address& to = {});
    void handle_timeout(TimePoint now);
    /// Handles a change of our addresses or routes: forgets our own address and reachability, and looks for
    /// our place in the network again at once.
    void handle_network_change(TimePoint now);
    TimePoint next_timeout() const;
    std::optional<Datagram> poll_datagram();
    std::optional<NodeEvent> poll_event();

    /// Returns false while no node is known that could be asked.
    bool knows_anybody() const { return table_.size() + hints_.size() + routers_.size() + once_.size() > 0; }
    const RoutingTable& table() const { return table_; }
    const PeerStore& peers() const { return peer_store_; }
    std::optional<Address> our_address() const { return vote_.winner(); }

  private:
    using LookupId = std::uint64_t;

    struct PeerSearch {
        std::optional<Announce> announce;
        std::size_t found = 0;
    };
    struct ItemSearch {
        ItemName name;
        std::optional<RawItem> newest;
    };
    /// For the table's sake.
    struct NodeSearch {};
    using Purpose = std::variant<NodeSearch, PeerSearch, ItemSearch>;
    struct Running {
        Lookup lookup;
        Purpose purpose;
    };
    struct Pending {
        Endpoint to;
        std::optional<NodeId> id;
        std::optional<LookupId> lookup;
        TimePoint sent;
    };

    bool is_refused(const Endpoint& node) const { return refuses_ && refuses_(node.address); }
    bool begin(const NodeId& target, Purpose purpose, std::size_t parallel, TimePoint now);
    void go_on(TimePoint now);
    bool go_on(LookupId id, Running& running, TimePoint now);
    void finish(Running running, TimePoint now);
    Method method_for(const Running& running) const;
    void ask(const Endpoint& to, std::optional<NodeId> id, Method method, std::optional<LookupId> lookup,
             TimePoint now);
    void send(Datagram datagram, TimePoint now);

    void handle(const Endpoint& from, const Query& query, TimePoint now, const Address& to);
    void handle(const Endpoint& from, Response& response, TimePoint now);
    void handle(const Endpoint& from, const ErrorReply& error);
    std::optional<Pending> take_pending(const Endpoint& from, const std::string& transaction);
    void take_results(Running& running, Response& response);
    void notice_address(const Endpoint& from, const std::optional<Endpoint>& ours, TimePoint now);
    std::variant<Response, ErrorReply> answer(const Endpoint& from, const Query& query, TimePoint now);
    void add_nearest(Response& response, const NodeId& target, const Want& want) const;

    void keep_place(TimePoint now);

    const AddressFamily family_;
    Rng& rng_;
    std::function<bool(const Address&)> refuses_;
    RoutingTable table_;
    PeerStore peer_store_;
    Tokens tokens_;
    ReplyBudget budget_;
    Reachability reachability_;
    AddressVote vote_;

    std::vector<Contact> hints_;     ///< to begin with; those of earlier runs
    std::vector<Endpoint> routers_;  ///< always
    std::vector<Endpoint> once_;     ///< routers that are tried once
    std::map<LookupId, Running> lookups_;
    LookupId next_lookup_ = 1;
    std::unordered_map<std::uint32_t, Pending> pending_;  ///< by transaction
    std::deque<std::pair<TimePoint, std::uint32_t>> timeouts_;
    bool asked_other_family_ = false;

    TimePoint own_lookup_due_ = kNever;
    Duration retry_ = kFirstRetry;
    TimePoint expiry_due_;

    std::deque<Datagram> outgoing_;
    std::deque<NodeEvent> events_;
};

}  // namespace btfs::dht
