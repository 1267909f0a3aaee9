#include "engine/net/host_shares.hpp"

#include <cassert>

namespace btfs::net {

void HostShares::rank(const Address& host) {
    const auto found = ids_by_host_.find(host);
    if (found != ids_by_host_.end()) ranks_.insert({found->second.size(), *found->second.begin(), host});
}

void HostShares::unrank(const Address& host) {
    const auto found = ids_by_host_.find(host);
    if (found != ids_by_host_.end()) ranks_.erase({found->second.size(), *found->second.begin(), host});
}

std::optional<HostShares::Id> HostShares::add(Id id, const Address& address) {
    const Address host = address.network();
    std::optional<Id> evicted;
    const auto known = ids_by_host_.find(host);
    if (known != ids_by_host_.end() && known->second.size() >= limits_.per_host) {
        evicted = evict_oldest_of(host);
    } else if (size() >= limits_.total) {
        assert(!ranks_.empty());
        evicted = evict_oldest_of(ranks_.rbegin()->host);
    }
    unrank(host);
    hosts_by_id_.emplace(id, host);
    ids_by_host_[host].insert(id);
    rank(host);
    return evicted;
}

HostShares::Id HostShares::evict_oldest_of(Address host) {
    const Id oldest = *ids_by_host_.at(host).begin();
    remove(oldest);
    return oldest;
}

void HostShares::remove(Id id) {
    const auto found = hosts_by_id_.find(id);
    if (found == hosts_by_id_.end()) return;
    const Address host = found->second;
    unrank(host);
    hosts_by_id_.erase(found);
    const auto ids = ids_by_host_.find(host);
    ids->second.erase(id);
    if (ids->second.empty()) ids_by_host_.erase(ids);
    rank(host);
}

}  // namespace btfs::net
