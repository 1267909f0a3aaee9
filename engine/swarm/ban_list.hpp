// BanList: the hosts that no torrent has to do with.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <set>
#include <utility>

#include "engine/core/endpoint.hpp"
#include "engine/core/ip_filter.hpp"

namespace btfs {

/// The one place that tells whether an address may be a peer's: false for hosts that have sent wrong content,
/// and for the addresses of the user's IP filter. Hosts are banned by IPv4 address or IPv6 /64, for as long
/// as the process runs. Several torrents may share one list. Bounded: the oldest ban ends when there are too
/// many. On the engine thread.
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
    /// Replaces the filter; null: there is none.
    void set_filter(std::shared_ptr<const IpFilter> filter) { filter_ = std::move(filter); }
    /// False for addresses that stand for names behind a proxy: their hosts are not known here.
    bool filters(const Address& address) const {
        return filter_ && !address.is_reserved() && filter_->contains(address);
    }
    bool contains(const Address& address) const {
        return hosts_.contains(address.network()) || filters(address);
    }
    /// Of the hosts that have sent wrong content.
    std::size_t size() const { return hosts_.size(); }

  private:
    std::set<Address> hosts_;
    std::deque<Address> in_order_;
    std::shared_ptr<const IpFilter> filter_;  ///< the thread that has parsed it shares it until it is posted
};

}  // namespace btfs
