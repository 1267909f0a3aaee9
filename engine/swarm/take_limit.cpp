#include "engine/swarm/take_limit.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace btfs {
namespace {

constexpr std::size_t kPrefixBytes = 7;  // of IPv6: a /56

/// Returns the address itself, or the /56 of an IPv6 address.
Address counted_as(const Address& address) {
    if (address.is_v4()) return address;
    std::array<std::byte, 16> raw{};
    std::ranges::copy(address.bytes().first(kPrefixBytes), raw.begin());
    return Address::from_bytes(raw).value_or(address);
}

}  // namespace

void TakeLimit::know_content(const Layout& layout, std::uint64_t announced_bytes) {
    const std::uint64_t size = layout.total_size();
    const std::uint64_t beyond = std::max(size / kPart, kLeastPieces * layout.piece_length());
    most_ = size < kSmallTorrent ? kNoLimit : announced_bytes + beyond;
}

TakeAccount& TakeLimit::join(const Address& address) {
    TakeAccount& account = accounts_[counted_as(address)];
    if (account.connections++ == 0) gone_.erase(account.left_as);
    account.left_as = 0;
    return account;
}

void TakeLimit::leave(const Address& address) {
    const auto found = accounts_.find(counted_as(address));
    assert(found != accounts_.end() && found->second.connections > 0);
    if (--found->second.connections > 0) return;
    if (found->second.taken == 0) return void(accounts_.erase(found));
    found->second.left_as = ++leaves_;
    gone_.emplace(leaves_, found->first);
    if (gone_.size() <= kMaxGone) return;
    accounts_.erase(gone_.begin()->second);
    gone_.erase(gone_.begin());
}

}  // namespace btfs
