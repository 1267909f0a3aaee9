// Bounded set of entries by host, of which no host keeps others out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "engine/core/endpoint.hpp"

namespace btfs::net {

/// Decides which entry gives way when a new one comes: the oldest of the host that has most. A host is an
/// IPv4 address or an IPv6 /64. A machine: the owner holds what the ids name.
class HostShares {
  public:
    using Id = std::uint64_t;

    struct Limits {
        std::size_t total = 0;
        std::size_t per_host = 0;
    };
    explicit HostShares(const Limits& limits) : limits_(limits) {}

    /// Ids rise. Returns the entry that has to go to make room, if any; it is forgotten already.
    std::optional<Id> add(Id id, const Address& host);
    /// Does nothing if the entry is not there.
    void remove(Id id);

    std::size_t size() const { return hosts_by_id_.size(); }

  private:
    Id evict_oldest_of(Address host);
    void rank(const Address& host);
    void unrank(const Address& host);

    const Limits limits_;
    std::map<Id, Address> hosts_by_id_;
    std::map<Address, std::set<Id>> ids_by_host_;
    /// Hosts by how many entries they have and, the other way round, by their oldest entry.
    struct Rank {
        std::size_t count;
        Id oldest;
        Address host;
        bool operator<(const Rank& other) const {
            return count != other.count ? count < other.count : oldest > other.oldest;
        }
    };
    std::set<Rank> ranks_;
};

}  // namespace btfs::net
