#include "engine/swarm/peer_list.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "engine/core/crc32c.hpp"

namespace btfs {
namespace {

constexpr Duration kFirstRetry = 5s;
constexpr Duration kLongestRetry = 30min;
constexpr Duration kUselessRetry = 30min;
constexpr std::uint32_t kMaxFailures = 8;

}  // namespace

std::uint32_t canonical_priority(const Endpoint& a, const Endpoint& b) {
    if (a.address.family() != b.address.family()) return 0;
    if (a.address == b.address) {
        std::array<std::byte, 4> ports;
        store_big_endian(ports.data(), std::min(a.port, b.port));
        store_big_endian(ports.data() + 2, std::max(a.port, b.port));
        return crc32c(ports);
    }
    // How many leading bytes the two have in common decides how much of them counts.
    std::vector<std::byte> first(a.address.bytes().begin(), a.address.bytes().end());
    std::vector<std::byte> second(b.address.bytes().begin(), b.address.bytes().end());
    const auto same = [&](std::size_t n) {
        return std::equal(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(n), second.begin());
    };
    std::size_t whole;  // bytes that count fully; of those behind, every other bit
    if (a.address.is_v4()) {
        whole = same(3) ? 4 : same(2) ? 3 : 2;
    } else {
        whole = 6;
        while (whole < 16 && same(whole)) ++whole;
    }
    for (std::size_t i = whole; i < first.size(); ++i) {
        first[i] &= std::byte{0x55};
        second[i] &= std::byte{0x55};
    }
    if (second < first) std::swap(first, second);
    first.insert(first.end(), second.begin(), second.end());
    return crc32c(first);
}

void PeerList::enqueue(const Endpoint& endpoint, Known& known, TimePoint when) {
    known.busy = false;
    known.next_attempt = when;
    queue_.insert({when, known.order, endpoint});
}

bool PeerList::add(const Endpoint& endpoint, PeerSource source) {
    if (!endpoint.is_dialable() || is_banned(endpoint.address)) return false;
    if (std::ranges::find(ourselves_, endpoint) != ourselves_.end()) return false;
    const bool is_hearsay = !is_for_private(source);
    if (const auto found = known_.find(endpoint); found != known_.end()) {
        if (is_hearsay || is_for_private(found->second.source)) return false;
        found->second.source = source;
        --hearsay_;
        return false;
    }
    if (known_.size() >= kMaxPeers || (is_hearsay && (is_private_ || hearsay_ >= kMaxHearsay))) return false;
    hearsay_ += is_hearsay;
    Known known{.source = source};
    known.order = own_ ? ~canonical_priority(*own_, endpoint) : static_cast<std::uint32_t>(rng_.next());
    enqueue(endpoint, known_.emplace(endpoint, known).first->second, {});
    return true;
}

void PeerList::add_connected(const Endpoint& endpoint) {
    add(endpoint, PeerSource::incoming);
    auto found = known_.find(endpoint);
    if (found == known_.end()) return;
    queue_.erase({found->second.next_attempt, found->second.order, endpoint});
    found->second.busy = true;
}

std::optional<Endpoint> PeerList::next(TimePoint now) {
    if (queue_.empty() || queue_.begin()->when > now) return std::nullopt;
    const Endpoint endpoint = queue_.begin()->endpoint;
    queue_.erase(queue_.begin());
    known_.at(endpoint).busy = true;
    return endpoint;
}

TimePoint PeerList::next_time() const {
    return queue_.empty() ? kNever : queue_.begin()->when;
}

void PeerList::on_failed(const Endpoint& endpoint, TimePoint now) {
    auto found = known_.find(endpoint);
    if (found == known_.end() || !found->second.busy) return;
    Known& known = found->second;
    if (++known.failures >= kMaxFailures) return forget(endpoint);
    enqueue(endpoint, known,
            now + std::min<Duration>(kFirstRetry * (1 << (known.failures - 1)), kLongestRetry));
}

void PeerList::on_hung_up(const Endpoint& endpoint, TimePoint now) {
    auto found = known_.find(endpoint);
    if (found == known_.end() || !found->second.busy) return;
    if (std::exchange(found->second.plain_greeting, true)) return on_failed(endpoint, now);
    enqueue(endpoint, found->second, now);
}

bool PeerList::wants_plain_greeting(const Endpoint& endpoint) const {
    auto found = known_.find(endpoint);
    return found != known_.end() && found->second.plain_greeting;
}

void PeerList::on_closed(const Endpoint& endpoint, bool useless, TimePoint now) {
    auto found = known_.find(endpoint);
    if (found == known_.end()) return;
    // It may be waiting already, put off because this connection was the better of two.
    if (!found->second.busy) queue_.erase({found->second.next_attempt, found->second.order, endpoint});
    found->second.failures = 1;
    enqueue(endpoint, found->second, now + (useless ? kUselessRetry : kFirstRetry));
}

void PeerList::ban(const Address& address) {
    banned_.insert(address);
    std::vector<Endpoint> gone;
    for (const auto& [endpoint, known] : known_)
        if (endpoint.address == address) gone.push_back(endpoint);
    for (const Endpoint& endpoint : gone) forget(endpoint);
}

void PeerList::on_ourselves(const Endpoint& endpoint) {
    forget(endpoint);
    ourselves_.push_back(endpoint);
    if (ourselves_.size() > kMaxOurselves) ourselves_.pop_front();
}

void PeerList::forget(const Endpoint& endpoint) {
    auto found = known_.find(endpoint);
    if (found == known_.end()) return;
    queue_.erase({found->second.next_attempt, found->second.order, endpoint});
    hearsay_ -= !is_for_private(found->second.source);
    known_.erase(found);
}

void PeerList::become_private() {
    is_private_ = true;
    std::vector<Endpoint> gone;
    for (const auto& [endpoint, known] : known_)
        if (!is_for_private(known.source)) gone.push_back(endpoint);
    for (const Endpoint& endpoint : gone) forget(endpoint);
}

}  // namespace btfs
