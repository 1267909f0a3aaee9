#include "engine/core/ip_filter.hpp"

#include <algorithm>

namespace btfs {
namespace {

/// The address behind `address`, which is not the last one.
std::uint32_t successor(std::uint32_t address) {
    return address + 1;
}
IpFilter::V6 successor(const IpFilter::V6& address) {
    return {address.high + (address.low + 1 == 0), address.low + 1};
}

/// Sorts the ranges, merges those that overlap or touch, and gives back what memory that saves.
template <class A>
void merge(std::vector<IpFilter::Range<A>>& ranges) {
    std::ranges::sort(ranges, {}, &IpFilter::Range<A>::first);
    std::size_t merged = 0;
    for (const IpFilter::Range<A>& range : ranges) {
        if (merged > 0) {
            IpFilter::Range<A>& before = ranges[merged - 1];
            if (range.first <= before.last || range.first == successor(before.last)) {
                before.last = std::max(before.last, range.last);
                continue;
            }
        }
        ranges[merged++] = range;
    }
    ranges.resize(merged);
    ranges.shrink_to_fit();
}

template <class A>
bool holds(const std::vector<IpFilter::Range<A>>& ranges, const A& address) {
    const auto behind = std::ranges::upper_bound(ranges, address, {}, &IpFilter::Range<A>::first);
    return behind != ranges.begin() && address <= std::prev(behind)->last;
}

}  // namespace

IpFilter::IpFilter(std::vector<V4Range> v4, std::vector<V6Range> v6)
    : v4_(std::move(v4)), v6_(std::move(v6)) {
    merge(v4_);
    merge(v6_);
}

bool IpFilter::contains(const Address& address) const {
    const std::byte* raw = address.bytes().data();
    if (address.is_v4()) return holds(v4_, load_big_endian<std::uint32_t>(raw));
    return holds(v6_, V6{load_big_endian<std::uint64_t>(raw), load_big_endian<std::uint64_t>(raw + 8)});
}

}  // namespace btfs
