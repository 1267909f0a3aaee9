// IpFilter: ranges of IP addresses that the user wants to have nothing to do with.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"

namespace btfs {

/// Set of IPv4 and IPv6 addresses, as sorted ranges that neither overlap nor touch: 8 bytes for each of IPv4,
/// 32 for each of IPv6. An IPv4-mapped IPv6 address is IPv4. Immutable, so that any thread may read it.
class IpFilter {
  public:
    /// A 16-byte address as a number.
    struct V6 {
        std::uint64_t high = 0, low = 0;
        auto operator<=>(const V6&) const = default;
    };
    /// Addresses from `first` to `last`, both included; `first` is not above `last`.
    template <class A>
    struct Range {
        A first{}, last{};
    };
    using V4Range = Range<std::uint32_t>;
    using V6Range = Range<V6>;

    /// Of no addresses.
    IpFilter() = default;
    /// The ranges may come in any order, and overlap.
    IpFilter(std::vector<V4Range> v4, std::vector<V6Range> v6);

    /// O(log n).
    bool contains(const Address& address) const;
    /// Ranges after merging.
    std::size_t v4_range_count() const { return v4_.size(); }
    std::size_t v6_range_count() const { return v6_.size(); }
    std::span<const V4Range> v4_ranges() const { return v4_; }
    std::span<const V6Range> v6_ranges() const { return v6_; }

  private:
    std::vector<V4Range> v4_;
    std::vector<V6Range> v6_;
};

}  // namespace btfs
