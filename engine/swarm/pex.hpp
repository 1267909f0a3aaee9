// Peer exchange (BEP 11): tells each peer of the others, and takes candidates from what they tell.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"
#include "engine/swarm/connection_id.hpp"
#include "engine/wire/pex_message.hpp"

namespace btfs {

/// A machine: knows the connected peers that others can dial, the contacts, and those that speak ut_pex, the
/// listeners. Contacts are numbered as they come and their going is logged, so that a listener is no more
/// than how far it has been told of both. It has no timeout while there is nothing to tell. One for each
/// torrent, never for a private one (BEP 27).
class Pex {
  public:
    /// Outgoing messages to one listener: one per kInterval; news waits kGather for more. A new listener is
    /// told after kGatherKnown of contacts that have been known for longer than kGather.
    static constexpr Duration kInterval = 60s;
    static constexpr Duration kGather = 3s;
    static constexpr Duration kGatherKnown = 100ms;
    /// In one message.
    static constexpr std::size_t kMaxAdded = 50;
    static constexpr std::size_t kMaxDropped = 50;
    /// Incoming messages of one listener: one per kHeardInterval, bursts of kHeardAtOnce; excess is ignored.
    static constexpr Duration kHeardInterval = 30s;
    static constexpr int kHeardAtOnce = 3;
    /// Candidates that are taken of one message.
    static constexpr std::size_t kMaxTaken = 50;
    /// Departed contacts that listeners may still have to be told of; beyond that the oldest are forgotten.
    static constexpr std::size_t kMaxDepartures = 1000;

    struct Telling {
        ConnectionId to;
        wire::PexMessage message;
    };

    /// `flags_of` is asked about contacts when somebody is told of them.
    explicit Pex(std::function<std::uint8_t(ConnectionId)> flags_of) : flags_of_(std::move(flags_of)) {}

    /// The peer is connected, and can be dialled there. Connections to one endpoint are one contact, which
    /// stays until the last of them ends.
    void add_contact(ConnectionId peer, const Endpoint& endpoint, TimePoint now);
    /// The peer speaks ut_pex.
    void add_listener(ConnectionId peer, const Address& remote, TimePoint now);
    /// The connection has ended.
    void remove_peer(ConnectionId peer, TimePoint now);

    /// Candidates to dial out of a listener's message, with its flags; none if it sends too often.
    /// `want_seeds`: false if we are one.
    std::vector<wire::PexPeer> handle_message(ConnectionId from, const wire::PexMessage& message,
                                              bool want_seeds, TimePoint now);

    /// Messages that are due now.
    std::vector<Telling> take_messages(TimePoint now);
    /// When take_messages() may have something though nothing happens; kNever if never.
    TimePoint next_timeout() const { return next_; }

  private:
    using Number = std::uint64_t;

    struct Contact {
        ConnectionId peer;  ///< the connection that is asked for flags
        Endpoint endpoint;
        TimePoint came;
    };
    struct Departure {
        Number contact;
        Endpoint endpoint;
    };
    struct Listener {
        Address remote;
        Number told_until = 0;          ///< this contact and all before
        std::uint64_t drops_until = 0;  ///< this departure and all before, counted from the first ever
        TimePoint told{};
        TimePoint due = kNever;  ///< unless there is nothing to tell
        /// Its messages so far fill its allowance until then.
        TimePoint heard_until{};
    };

    wire::PexMessage news_for(ConnectionId id, Listener& listener) const;
    bool has_news(const Listener& listener) const;
    bool knows_others_for_long(ConnectionId id, TimePoint now) const;
    bool is_contact(ConnectionId id, Number contact) const;
    void on_news(TimePoint now);
    void forget_departures();
    std::uint64_t departure_count() const { return departures_forgotten_ + departures_.size(); }

    std::function<std::uint8_t(ConnectionId)> flags_of_;
    std::map<Number, Contact> contacts_;
    std::map<ConnectionId, Number> numbers_;  ///< the contact that each connection leads to
    std::map<Endpoint, Number> endpoints_;    ///< of contacts_
    Number last_number_ = 0;
    std::map<ConnectionId, Listener> listeners_;
    std::deque<Departure> departures_;
    std::uint64_t departures_forgotten_ = 0;  ///< went before the first one in departures_
    TimePoint next_ = kNever;
};

}  // namespace btfs
