// How much a DHT node says to whom: it must be of no use to drown anybody with.
#pragma once

#include <cstddef>
#include <map>

#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"

namespace btfs::dht {

/// Datagrams have no proven senders. Replies to one address, and to all together, are bounded in bytes; what
/// would go beyond is left unsaid. So is what would go to hosts that there is no more room to remember.
class ReplyBudget {
  public:
    static constexpr double kHostRate = 2 << 10;  ///< bytes a second
    static constexpr double kHostBurst = 16 << 10;
    static constexpr double kTotalRate = 32 << 10;
    static constexpr double kTotalBurst = 128 << 10;
    static constexpr std::size_t kMaxHosts = 4096;

    /// True if `size` bytes may be sent now; then they count.
    bool take(const Address& host, std::size_t size, TimePoint now);

  private:
    /// What was sent and is not made up for yet.
    struct Debt {
        double bytes = 0;
        TimePoint updated{};
        double at(TimePoint now, double rate) const;
    };

    std::map<Address, Debt> hosts_;
    Debt total_;
    TimePoint tidied_{};
};

}  // namespace btfs::dht
