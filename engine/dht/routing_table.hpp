// The nodes that one DHT node knows (BEP 5): many near itself, few far away.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/dht/contact.hpp"

namespace btfs::dht {

/// A machine. Holds only nodes that have replied to us. Buckets hold eight, and eight more to take the place
/// of those that fail; the one of our own id is split when it is full. Of public addresses there is one node
/// an address, and in a bucket one a /24 (IPv4) or /64 (IPv6), so that nobody fills the table from one house;
/// an id that BEP 42 vouches for drives out one that it does not.
class RoutingTable {
  public:
    static constexpr std::size_t kBucketSize = 8;
    static constexpr Duration kQuestionable = 15min;
    /// Queries in a row without a reply that make a node bad.
    static constexpr unsigned kMaxFailures = 2;
    /// Without anybody to take its place a bad node stays longer: it may be our own line that fails.
    static constexpr unsigned kHopeless = 10;
    /// Two pings of questionable nodes, or two refreshes, lie at least so far apart.
    static constexpr Duration kPingInterval = 5s;
    static constexpr Duration kRefreshInterval = 1min;

    explicit RoutingTable(const NodeId& own) : own_(own), buckets_(1) {}

    const NodeId& own_id() const { return own_; }
    /// Goes by another name, and keeps what has room.
    void rename(const NodeId& own);

    void handle_reply(const Contact& contact, TimePoint now);
    void handle_failure(const Contact& contact);
    /// Removes a contact that does not belong here: the newest spare takes its place, if there is one.
    void remove(const Contact& contact);
    /// Removes all contacts of which `unwanted` gives true.
    void remove_if(const std::function<bool(const Contact&)>& unwanted);
    /// The contact has sent a query: a sign of life, which counts only if the contact is known to answer.
    void handle_query(const Contact& contact, TimePoint now);
    /// Returns true if there would be room for the contact, so that it is worth a ping.
    bool wants(const Contact& contact) const;

    /// Those nearest to the target that are not bad, nearest first.
    std::vector<Contact> nearest(const NodeId& target, std::size_t count) const;
    /// A node that was not heard of for kQuestionable: the one that was silent longest.
    std::optional<Contact> poll_ping(TimePoint now);
    /// An id to look up: in a bucket with room that has not changed for kQuestionable.
    std::optional<NodeId> poll_refresh(TimePoint now, Rng& rng);
    /// When the two above may have something.
    TimePoint next_timeout() const;

    std::size_t size() const;
    /// All that are not bad, to be kept for the next run.
    std::vector<Contact> contacts() const;

  private:
    struct Entry {
        Contact contact;
        TimePoint heard;   ///< it replied, or asked us something
        TimePoint pinged;  ///< by poll_ping()
        unsigned failures = 0;
        bool secure = false;
        bool bad() const { return failures >= kMaxFailures; }
    };
    struct Bucket {
        std::vector<Entry> nodes;   ///< at most kBucketSize
        std::vector<Entry> spares;  ///< at most kBucketSize, the newest last
        TimePoint changed{};
    };

    std::size_t index_of(const NodeId& id) const;
    Bucket& bucket_of(const NodeId& id) { return buckets_[index_of(id)]; }
    bool take_spare(Bucket& bucket, Entry& place);
    bool has_neighbour(const Bucket& bucket, const Contact& contact) const;
    bool has_address(const Contact& contact) const;
    void insert(Entry entry);
    void split_last();

    NodeId own_;
    std::vector<Bucket> buckets_;  ///< bucket i: ids with i bits in common with ours; the last: i or more
    TimePoint next_ping_{};
    TimePoint next_refresh_{};
};

}  // namespace btfs::dht
