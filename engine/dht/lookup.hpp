// Look-up: a walk through the DHT to the nodes nearest to a target (BEP 5, after Kademlia).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/dht/contact.hpp"

namespace btfs::dht {

/// State machine of one iterative look-up: tells which node to ask next, and takes the answers. It asks
/// several nodes at a time; a node that is slow to answer no longer counts as one of them. The look-up has
/// ended when the eight nearest nodes that answer at all have answered. Nodes that name others which do not
/// answer, or which have another id, are soon not believed any more.
class Lookup {
  public:
    static constexpr std::size_t kNearest = 8;
    static constexpr std::size_t kMaxCandidates = 256;
    static constexpr std::size_t kMaxAsked = 200;
    /// A node that has not answered for so long no longer holds others up.
    static constexpr Duration kSlow = 500ms;
    /// Of one node's suggestions so many may fail before one has answered; the others are left alone then.
    static constexpr unsigned kMaxBadAdvice = 4;
    /// Suggestions that are taken of one reply.
    static constexpr std::size_t kMaxAdvice = 16;

    struct Ask {
        Endpoint to;
        std::optional<NodeId> id;  ///< nothing for a router
    };
    struct Responder {
        Contact contact;
        std::string token;
    };

    /// `parallel`: asked at a time.
    Lookup(const NodeId& target, std::size_t parallel) : target_(target), parallel_(parallel) {}

    const NodeId& target() const { return target_; }
    /// A node to begin with.
    void add(const Contact& contact) { add(contact, kOurselves); }
    /// A node to begin with whose id is not known.
    void add_router(const Endpoint& endpoint);

    std::optional<Ask> poll_ask(TimePoint now);
    void handle_reply(const Endpoint& from, const NodeId& id, std::span<const Contact> nodes,
                      std::string token);
    void handle_failure(const Endpoint& from);
    /// When poll_ask() may have something though nothing was answered.
    TimePoint next_timeout() const { return next_; }

    bool ended() const;
    /// The nearest ones that have answered, and are believed, nearest first.
    std::vector<Responder> responders() const;
    /// Those that have answered, and are not.
    std::vector<Contact> liars() const;
    std::size_t asked_count() const { return asked_count_; }
    /// Steps from a node we began with to the farthest one that has answered.
    unsigned hops() const { return hops_; }

  private:
    using AdviserId = std::uint32_t;
    static constexpr AdviserId kOurselves = 0;
    static constexpr std::size_t kMaxAdvisers = 4;

    enum class State : std::uint8_t { fresh, asked, replied, failed };
    struct Candidate {
        Contact contact;
        std::vector<AdviserId> advisers;  ///< the first kMaxAdvisers of those who named it
        unsigned hop = 0;
        State state = State::fresh;
        TimePoint asked{};
        std::string token;
        AdviserId advice = kOurselves;  ///< the adviser number of its reply
    };
    struct Router {
        Endpoint endpoint;
        State state = State::fresh;
        TimePoint asked{};
    };
    struct Adviser {
        unsigned hop = 0;
        unsigned bad = 0;
        bool good = false;
        bool believed() const { return good || bad < kMaxBadAdvice; }
    };

    void add(const Contact& contact, AdviserId adviser);
    void insert(Candidate candidate);
    void blame_advisers(const Candidate& candidate);
    void take_advice(std::span<const Contact> nodes, unsigned hop);
    Candidate* find(const Endpoint& endpoint);
    bool recommended(const Candidate& candidate) const;
    bool counts(const Candidate& candidate) const;
    bool slow(TimePoint asked, TimePoint now) const { return now >= asked + kSlow; }
    /// Calls visit(candidate) for the nearest that may yet count, until it gives false.
    template <class Self, class Visit>
    static void walk(Self& self, Visit visit);

    const NodeId target_;
    const std::size_t parallel_;
    std::vector<Candidate> candidates_;  ///< nearest first
    std::vector<Router> routers_;
    std::vector<Adviser> advisers_{{0, 0, true}};
    std::size_t asked_count_ = 0;
    unsigned hops_ = 0;
    TimePoint next_ = kNever;
};

}  // namespace btfs::dht
