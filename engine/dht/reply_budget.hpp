// Budget of a DHT node's replies, so that forged senders cannot use it against anybody.
#pragma once

#include <cstddef>
#include <map>

#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"

namespace btfs::dht {

/// Bounds the bytes of replies to one host and to all together: a datagram's sender is not proven. A host is
/// an IPv4 address or an IPv6 /64. The budget is asked before a reply is made, so that a query without an
/// answer costs next to nothing, and charged afterwards: the last reply of a burst may exceed it. When
/// kMaxHosts are in debt, further hosts get no reply.
class ReplyBudget {
  public:
    static constexpr double kHostRate = 2 << 10;  ///< bytes a second
    static constexpr double kHostBurst = 16 << 10;
    static constexpr double kTotalRate = 32 << 10;
    static constexpr double kTotalBurst = 128 << 10;
    static constexpr std::size_t kMaxHosts = 4096;

    /// True if the host may be sent a reply now; charge() is to follow.
    bool admits(const Address& host, TimePoint now);
    /// A reply of `size` bytes goes out.
    void charge(const Address& host, std::size_t size, TimePoint now);

    std::size_t host_count() const { return hosts_.size(); }

  private:
    /// Bytes sent that time has not paid for yet.
    struct Debt {
        double bytes = 0;
        TimePoint updated{};

        double at(TimePoint now, double rate) const;
        void add(std::size_t size, TimePoint now, double rate);
    };

    std::map<Address, Debt> hosts_;  ///< by their networks
    Debt total_;
    TimePoint tidied_{};
};

}  // namespace btfs::dht
