#include "engine/dht/reply_budget.hpp"

#include <algorithm>

namespace btfs::dht {

double ReplyBudget::Debt::at(TimePoint now, double rate) const {
    return std::max(0.0, bytes - rate * seconds(now - updated));
}

bool ReplyBudget::take(const Address& host, std::size_t size, TimePoint now) {
    const double total = total_.at(now, kTotalRate) + static_cast<double>(size);
    if (total > kTotalBurst) return false;
    if (hosts_.size() >= kMaxHosts && !hosts_.contains(host)) {
        if (now < tidied_ + 1s) return false;
        tidied_ = now;
        std::erase_if(hosts_, [now](const auto& entry) { return entry.second.at(now, kHostRate) == 0; });
        if (hosts_.size() >= kMaxHosts) return false;
    }
    Debt& debt = hosts_[host];
    const double hosts = debt.at(now, kHostRate) + static_cast<double>(size);
    if (hosts > kHostBurst) return false;
    debt = {hosts, now};
    total_ = {total, now};
    return true;
}

}  // namespace btfs::dht
