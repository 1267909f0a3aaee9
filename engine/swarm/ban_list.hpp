// Hosts that have sent wrong content: none of them is connected to again.
#pragma once

#include <cstddef>
#include <deque>
#include <set>

#include "engine/core/endpoint.hpp"

namespace btfs {

/// Set of banned hosts, by IPv4 address or IPv6 /64, for as long as the process runs. Several torrents may
/// share one. Bounded: the oldest ban ends when there are too many. On the engine thread.
class BanList {
  public:
    static constexpr std::size_t kMaxBanned = 4096;

    void ban(const Address& address) {
        const Address host = address.network();
        if (!hosts_.insert(host).second) return;
        in_order_.push_back(host);
        if (in_order_.size() <= kMaxBanned) return;
        hosts_.erase(in_order_.front());
        in_order_.pop_front();
    }
    bool contains(const Address& address) const { return hosts_.contains(address.network()); }
    std::size_t size() const { return hosts_.size(); }

  private:
    std::set<Address> hosts_;
    std::deque<Address> in_order_;
};

}  // namespace btfs
