// Budget of peer connections for the whole process.
#pragma once

#include <cstddef>
#include <functional>
#include <set>

#include "engine/net/dialer.hpp"
#include "engine/session/engine.hpp"

namespace btfs {

/// Bounds the connections of all torrents together and decides which torrent gives one up for another: the
/// one that holds most among the idle ones if the asking torrent is more urgent, else among those as urgent,
/// as long as they hold more than it. A machine; on the engine thread.
class ConnectionBudget {
  public:
    /// The process's limit if the user gives none.
    static constexpr std::size_t kDefaultMax = EngineOptions::kDefaultMaxConnections;
    /// Every torrent may have so many, however many torrents there are.
    static constexpr std::size_t kLeastShare = 2;

    /// A torrent's side.
    class Holder {
      public:
        virtual ~Holder() = default;
        virtual net::DialUrgency urgency() const = 0;
        /// Closes up to `count` connections, the least useful first; their slots are free when this returns.
        /// Gives how many.
        virtual std::size_t give_up_connections(std::size_t count) = 0;
    };

    /// One connection's place; its destruction frees it.
    class Slot {
      public:
        Slot() = default;
        Slot(Slot&& other) noexcept;
        Slot& operator=(Slot&& other) noexcept;
        ~Slot() { free(); }

      private:
        friend class ConnectionBudget;
        Slot(ConnectionBudget& budget, Holder& holder) : budget_(&budget), holder_(&holder) {}
        void free();

        ConnectionBudget* budget_ = nullptr;
        Holder* holder_ = nullptr;
    };

    /// `on_room` is called when a full budget has room again; it must not call back at once.
    ConnectionBudget(std::size_t max, std::function<void()> on_room)
        : max_(max), on_room_(std::move(on_room)) {}
    ConnectionBudget(const ConnectionBudget&) = delete;
    ConnectionBudget& operator=(const ConnectionBudget&) = delete;

    /// A holder that has slots stays until they are free.
    void add(Holder& holder);
    void remove(Holder& holder);

    /// True if `holder` may have another connection. It may have cost another torrent one.
    bool make_room(Holder& holder);
    /// After make_room() has said yes.
    Slot take(Holder& holder);
    /// True if a dial of a torrent of that urgency can end in a connection, were it to end now. `half_open`
    /// are under way.
    bool may_dial(net::DialUrgency urgency, std::size_t half_open) const;

    /// True if `holder` has as many connections as there are for each: an idle one should not dial more.
    bool is_beyond_share(Holder& holder) const;

    std::size_t used() const { return used_; }
    std::size_t holders() const { return members_.size(); }
    std::size_t max() const { return max_; }

  private:
    struct Member {
        Holder* holder;
        mutable std::size_t count = 0;
        auto operator<=>(const Member& other) const { return holder <=> other.holder; }
    };
    /// The holder of most connections among those of that urgency; null if none of them has any.
    const Member* greediest(net::DialUrgency urgency) const;
    const Member& member(Holder& holder) const;
    void release(Holder& holder);

    const std::size_t max_;
    const std::function<void()> on_room_;
    std::size_t used_ = 0;
    std::set<Member> members_;
};

/// kDefaultMax, or less if the process may not have so many descriptors open: half of them are for the
/// cache's files and all else.
std::size_t default_max_connections();

}  // namespace btfs
