#include "engine/proxy/stand_ins.hpp"

#include <algorithm>
#include <array>

#include "engine/core/ascii.hpp"

namespace btfs::proxy {
namespace {

constexpr std::uint32_t kFirst = 0xf000'0000, kCount = 0x0f00'0000;  // of 240/8 to 254/8

}  // namespace

Address StandIns::stand_in_of(std::string_view name) {
    std::string lower = ascii_lower(name);
    if (const auto found = names_.find(lower); found != names_.end()) {
        entries_.splice(entries_.begin(), entries_, found->second);
        return found->second->address;
    }
    if (names_.size() == kMaxNames) {
        names_.erase(entries_.back().name);
        addresses_.erase(entries_.back().address);
        entries_.pop_back();
    }
    entries_.push_front({std::move(lower), next_address()});
    names_.emplace(entries_.front().name, entries_.begin());
    addresses_.emplace(entries_.front().address, entries_.begin());
    return entries_.front().address;
}

Address StandIns::next_address() {
    for (;;) {
        std::array<std::byte, 4> raw;
        store_big_endian(raw.data(), kFirst + last_);
        last_ = (last_ + 1) % kCount;
        const Address address = *Address::from_bytes(raw);
        if (!addresses_.contains(address)) return address;
    }
}

std::optional<std::string> StandIns::name_of(const Address& address) const {
    const auto found = addresses_.find(address);
    if (found == addresses_.end()) return std::nullopt;
    return found->second->name;
}

}  // namespace btfs::proxy
