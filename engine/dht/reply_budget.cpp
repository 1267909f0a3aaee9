#include "engine/dht/reply_budget.hpp"

#include <algorithm>

namespace btfs::dht {

double ReplyBudget::Debt::at(TimePoint now, double rate) const {
    return std::max(0.0, bytes - rate * seconds(now - updated));
}

void ReplyBudget::Debt::add(std::size_t size, TimePoint now, double rate) {
    bytes = at(now, rate) + static_cast<double>(size);
    updated = now;
}

bool ReplyBudget::admits(const Address& host, TimePoint now) {
    if (total_.at(now, kTotalRate) >= kTotalBurst) return false;
    const auto known = hosts_.find(host.network());
    if (known != hosts_.end()) return known->second.at(now, kHostRate) < kHostBurst;
    if (hosts_.size() < kMaxHosts) return true;
    if (now < tidied_ + 1s) return false;
    tidied_ = now;
    std::erase_if(hosts_, [now](const auto& entry) { return entry.second.at(now, kHostRate) == 0; });
    return hosts_.size() < kMaxHosts;
}

void ReplyBudget::charge(const Address& host, std::size_t size, TimePoint now) {
    hosts_[host.network()].add(size, now, kHostRate);
    total_.add(size, now, kTotalRate);
}

}  // namespace btfs::dht
