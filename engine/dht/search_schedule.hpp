// Schedule of DHT searches.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "engine/core/time.hpp"
#include "engine/dht/node_id.hpp"

namespace btfs::dht {

/// State machine that chooses the next torrent to search for, for all torrents of the process. A torrent is
/// searched for when it is added, and again before its announcements expire at other nodes; sooner if a
/// search found no peer, and soonest if a reader waits. A few searches run at a time; with thousands of
/// torrents more, so that ten thousand are searched for within kRound if a search takes 2.5 s.
class SearchSchedule {
  public:
    /// Searches at a time that no reader waits for: at least, with one more for so many torrents, at most.
    static constexpr std::size_t kLeastAtOnce = 8;
    static constexpr std::size_t kTorrentsForOneMore = 400;
    static constexpr std::size_t kMostAtOnce = 22;
    /// Searches for readers that wait run beside those, so many at least.
    static constexpr std::size_t kMoreForReaders = 8;
    /// Time between the begins of two searches that no reader waits for, after the first kLeastAtOnce; less
    /// if it would take longer than kRound until all torrents had their turn. Announcements live for half an
    /// hour.
    static constexpr Duration kPace = 250ms;
    static constexpr Duration kRound = 20min;
    static constexpr Duration kInterval = 15min;
    /// Time to the next search after one that found no peer; doubles each time. At least until all others
    /// have had their turn.
    static constexpr Duration kFirstRetry = 10s;
    /// Between two searches for a torrent that is wanted.
    static constexpr Duration kWantedInterval = 30s;

    void add(const NodeId& info_hash, TimePoint now);
    void remove(const NodeId& info_hash);
    /// A reader waits for content that no connected peer can send.
    void want_peers(const NodeId& info_hash, TimePoint now);
    /// Our announce has changed, as by another port: searches again, since a search announces.
    void repeat(const NodeId& info_hash, TimePoint now);
    void repeat_all(TimePoint now);

    /// The torrent to search for now; handle_end() is to follow.
    std::optional<NodeId> poll_search(TimePoint now);
    void handle_end(const NodeId& info_hash, bool found_any, TimePoint now);
    /// kNever while no search is due, or as many as may be are under way.
    TimePoint next_timeout() const;

  private:
    struct Torrent {
        bool running = false;
        bool wanted = false;
        bool repeat = false;  ///< when the search that is running ends
        TimePoint due{};
        TimePoint begun{};
        Duration retry = kFirstRetry;
    };
    /// Wanted ones come first among those that are due.
    using Place = std::pair<TimePoint, NodeId>;
    std::set<Place>& queue_of(const Torrent& torrent) { return torrent.wanted ? wanted_ : others_; }
    void enqueue(const NodeId& info_hash, Torrent& torrent, TimePoint due);
    std::size_t most_at_once() const;
    Duration pace() const;
    bool has_room() const { return running_ < most_at_once(); }
    bool has_room_for_readers() const { return running_ < most_at_once() + kMoreForReaders; }

    std::map<NodeId, Torrent> torrents_;
    std::set<Place> wanted_, others_;
    std::size_t running_ = 0;
    std::size_t begun_count_ = 0;
    TimePoint next_begin_{};
};

}  // namespace btfs::dht
