// Search for the largest datagram that a path carries, with probes that may not be fragmented (RFC 8899).
#pragma once

#include <cstddef>
#include <optional>

#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"

namespace btfs::utp {

/// Sizes are those of UDP's payload: uTP's header and its content. One probe is under way at a time. The
/// first has the size that nearly all paths carry; should it be lost twice, sizes between are tried.
class MtuSearch {
  public:
    /// Payload that Ethernet carries, less the headers of IP and UDP.
    static constexpr std::size_t kMostV4 = 1500 - 28, kMostV6 = 1500 - 48;
    /// Payload that every path carries: 576 bytes of IPv4, 1280 of IPv6, less headers.
    static constexpr std::size_t kLeastV4 = 576 - 28, kLeastV6 = 1280 - 48;
    /// The search ends when it is so near.
    static constexpr std::size_t kNear = 16;
    static constexpr int kTries = 2;
    /// Paths change: after so long a larger size is tried again.
    static constexpr Duration kAgainAfter = std::chrono::minutes(10);

    explicit MtuSearch(AddressFamily family);

    /// Size of packets that are no probes.
    std::size_t packet_size() const { return proven_; }
    std::size_t least() const { return least_; }
    /// Size of the probe that should be sent now.
    std::optional<std::size_t> probe_wanted(TimePoint now);
    void probe_sent(std::size_t size) { probing_ = size; }
    void probe_arrived(std::size_t size, TimePoint now);
    void probe_lost(std::size_t size, TimePoint now);
    /// Packets of the proven size vanish: the path carries less than it did. The search begins anew.
    void black_hole();

  private:
    bool finished() const { return proven_ + kNear > not_above_; }
    void begin();

    const std::size_t least_, most_;
    std::size_t proven_;
    std::size_t not_above_;  ///< larger ones do not arrive
    std::size_t next_;       ///< size of the next probe
    int tries_ = 0;
    std::optional<std::size_t> probing_;
    TimePoint again_at_ = kNever;
};

}  // namespace btfs::utp
