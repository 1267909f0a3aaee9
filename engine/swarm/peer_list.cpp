#include "engine/swarm/peer_list.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "engine/core/address_scope.hpp"
#include "engine/core/crc32c.hpp"

namespace btfs {
namespace {

constexpr Duration kNoNeedRetry = 30min;
/// Peers that are perhaps not reachable have the last sixteenth of the orders.
constexpr std::uint32_t kDoubtfulOrder = 0xf000'0000;

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

PeerList::Known* PeerList::find(const Endpoint& endpoint) {
    const auto found = known_.find(endpoint);
    return found == known_.end() ? nullptr : &found->second;
}

void PeerList::enqueue(const Endpoint& endpoint, Known& known, TimePoint when) {
    known.busy = false;
    known.next_attempt = when;
    queue_.insert({when, known.order, endpoint});
    if (known.failures > 0 && !is_for_private(known.source))
        failed_hearsay_.insert({known.failures, endpoint});
}

void PeerList::dequeue(const Endpoint& endpoint, const Known& known) {
    queue_.erase({known.next_attempt, known.order, endpoint});
    failed_hearsay_.erase({known.failures, endpoint});
}

/// Makes room for one more, if it may be known at all.
bool PeerList::has_room_for(const Endpoint& endpoint, bool is_hearsay) {
    const auto host = by_host_.find(endpoint.address.network());
    const std::size_t of_host = host == by_host_.end() ? 0 : host->second.size();
    if (of_host >= (is_local(endpoint.address) ? kMaxPerLocalHost : kMaxPerHost)) {
        // A tracker's word goes before hearsay. One hearsay does not replace another here: each of a victim's
        // ports would be dialled in turn.
        if (is_hearsay) return false;
        const auto other = std::ranges::find_if(host->second, [&](const Endpoint& known) {
            return !is_for_private(known_.at(known).source) && !known_.at(known).busy;
        });
        if (other == host->second.end()) return false;
        forget(Endpoint(*other));
    }
    if (known_.size() < kMaxPeers && (!is_hearsay || hearsay_ < kMaxHearsay)) return true;
    if (failed_hearsay_.empty()) return false;
    forget(Endpoint(failed_hearsay_.rbegin()->second));
    return true;
}

bool PeerList::add(const Endpoint& endpoint, PeerSource source) {
    return add(endpoint, source, false);
}

bool PeerList::add_from_pex(const Endpoint& endpoint, bool reachable) {
    return add(endpoint, PeerSource::pex, !reachable);
}

/// `doubtful`: it is dialled behind the others.
bool PeerList::add(const Endpoint& endpoint, PeerSource source, bool doubtful) {
    // A peer that the user names stands there by a reserved address when a proxy looks names up.
    const bool stands_for_name =
        source == PeerSource::user && endpoint.port != 0 && endpoint.address.is_reserved();
    if ((!endpoint.is_dialable() && !stands_for_name) || is_banned(endpoint.address)) return false;
    if (is_ourselves(endpoint)) return false;
    const bool is_hearsay = !is_for_private(source);
    if (Known* known = find(endpoint)) {
        if (source >= known->source) return false;
        if (!known->busy) dequeue(endpoint, *known);
        if (!is_hearsay && !is_for_private(known->source)) --hearsay_;
        known->source = source;
        if (source == PeerSource::user) {
            users_.push_back(endpoint);
            known->order = 0;
        }
        if (!known->busy) enqueue(endpoint, *known, known->next_attempt);
        return false;
    }
    if (is_hearsay && is_private_) return false;
    if (source != PeerSource::user && !has_room_for(endpoint, is_hearsay)) return false;
    hearsay_ += is_hearsay;
    by_host_[endpoint.address.network()].push_back(endpoint);
    if (source == PeerSource::user) users_.push_back(endpoint);
    Known known{.source = source};
    if (source == PeerSource::kept) {
        known.order = ++kept_count_;
    } else if (source != PeerSource::user) {
        known.order = own_ ? ~canonical_priority(*own_, endpoint) : static_cast<std::uint32_t>(rng_.next());
        if (doubtful) known.order = kDoubtfulOrder + known.order / 16;
    }
    enqueue(endpoint, known_.emplace(endpoint, known).first->second, {});
    return true;
}

void PeerList::add_connected(const Endpoint& endpoint) {
    add(endpoint, PeerSource::incoming);
    Known* known = find(endpoint);
    if (!known) return;
    dequeue(endpoint, *known);
    known->busy = true;
}

std::optional<Endpoint> PeerList::next(TimePoint now) {
    if (queue_.empty() || queue_.begin()->when > now) return std::nullopt;
    const Endpoint endpoint = queue_.begin()->endpoint;
    Known& known = known_.at(endpoint);
    dequeue(endpoint, known);
    known.busy = true;
    return endpoint;
}

TimePoint PeerList::next_time() const {
    return queue_.empty() ? kNever : queue_.begin()->when;
}

Duration PeerList::pause_of(const Known& known) const {
    if (known.put_off) return kNoNeedRetry;
    const std::uint32_t doublings = std::clamp<std::uint32_t>(known.failures, 1, 16) - 1;
    const Duration pause = std::min<Duration>(kFirstRetry * (1 << doublings), kLongestRetry);
    if (known.source != PeerSource::user) return pause;
    return std::min(pause, hurry_ ? kHurriedRetry : kLongestUserRetry);
}

void PeerList::retry(const Endpoint& endpoint, Known& known, TimePoint now) {
    known.ended = now;
    enqueue(endpoint, known, now + pause_of(known));
}

void PeerList::on_failed(const Endpoint& endpoint, TimePoint now) {
    Known* known = find(endpoint);
    if (!known || !known->busy) return;
    known->put_off = false;
    forget_tries(*known);
    if (++known->failures >= kMaxFailures && known->source != PeerSource::user) return forget(endpoint);
    retry(endpoint, *known, now);
}

void PeerList::on_unreachable(const Endpoint& endpoint, TimePoint now) {
    Known* known = find(endpoint);
    if (!known || !known->busy) return;
    known->put_off = false;
    known->failures = std::max(known->failures, std::min(known->failures + 1, kMaxFailures - 1));
    retry(endpoint, *known, now);
}

/// Returns the manners that the user's rule allows, the most promising first.
std::span<const DialManner> PeerList::manners_for(const Known& known) const {
    static constexpr DialManner kManners[] = {
        {.encrypted = false}, {.encrypted = true}, {.encrypted = false}};
    const std::span manners(kManners);
    if (encryption_ == Encryption::off) return manners.first(1);
    if (encryption_ == Encryption::require) return manners.subspan(1, 1);
    const bool encrypted_first =
        known.worked ? known.worked->encrypted : encryption_ == Encryption::prefer || known.encryption_told;
    return manners.subspan(encrypted_first ? 1 : 0, 2);
}

std::optional<DialManner> PeerList::untried(const Known& known) const {
    for (const DialManner& manner : manners_for(known))
        if (!known.tried.contains(manner)) return manner;
    return std::nullopt;
}

void PeerList::forget_tries(Known& known) {
    known.tried.clear();
    known.saw_greeting.reset();
}

DialManner PeerList::begin_dial(const Endpoint& endpoint) {
    Known* known = find(endpoint);
    if (!known) return manners_for({.source = PeerSource::incoming}).front();
    return known->dialled = untried(*known).value_or(manners_for(*known).front());
}

bool PeerList::may_contest(const Endpoint& endpoint) const {
    const auto found = known_.find(endpoint);
    if (encryption_ != Encryption::allow || found == known_.end()) return false;
    const Known& known = found->second;
    return !known.dialled.encrypted && !known.worked && !known.saw_greeting && !known.plain_greeting &&
           !known.tried.contains({.encrypted = false});
}

void PeerList::on_dial_settled(const Endpoint& endpoint, DialManner manner) {
    if (Known* known = find(endpoint)) known->dialled = manner;
}

void PeerList::on_greeted(const Endpoint& endpoint) {
    Known* known = find(endpoint);
    if (!known) return;
    known->worked = known->dialled;
    forget_tries(*known);
}

void PeerList::on_encryption_told(const Endpoint& endpoint) {
    if (Known* known = find(endpoint)) known->encryption_told = true;
}

void PeerList::on_utp_told(const Endpoint& endpoint) {
    if (Known* known = find(endpoint)) known->utp_told = true;
}

void PeerList::on_kept_way(const Endpoint& endpoint, const KnownWay& way) {
    Known* known = find(endpoint);
    if (!known) return;
    if (!known->worked) known->worked = way.manner;
    known->utp_told |= way.utp;
}

bool PeerList::is_utp_told(const Endpoint& endpoint) const {
    const auto found = known_.find(endpoint);
    return found != known_.end() && found->second.utp_told;
}

bool PeerList::begin_unasked(const Endpoint& endpoint) {
    Known* known = find(endpoint);
    if (!known || known->busy) return false;
    dequeue(endpoint, *known);
    known->busy = true;
    return true;
}

bool PeerList::has_failed(const Endpoint& endpoint) const {
    const auto found = known_.find(endpoint);
    return found != known_.end() && !found->second.busy && found->second.failures > 0;
}

void PeerList::on_hung_up(const Endpoint& endpoint, HangUp when, TimePoint now) {
    Known* known = find(endpoint);
    if (!known || !known->busy) return;
    known->tried.insert(known->dialled);
    if (when != HangUp::in_encryption) known->saw_greeting = known->dialled;
    if (when != HangUp::after_greeting && untried(*known)) return enqueue(endpoint, *known, now);
    if (!known->saw_greeting || std::exchange(known->plain_greeting, true)) return on_failed(endpoint, now);
    known->tried.erase(*known->saw_greeting);
    for (const DialManner& manner : manners_for(*known))
        if (manner != *known->saw_greeting) known->tried.insert(manner);
    enqueue(endpoint, *known, now);
}

bool PeerList::wants_plain_greeting(const Endpoint& endpoint) const {
    auto found = known_.find(endpoint);
    return found != known_.end() && found->second.plain_greeting;
}

void PeerList::on_closed(const Endpoint& endpoint, ConnectionUse use, TimePoint now) {
    Known* known = find(endpoint);
    if (!known) return;
    // The endpoint may be waiting already, put off because this connection was the better of two.
    if (!known->busy) dequeue(endpoint, *known);
    known->busy = true;
    if (use == ConnectionUse::nothing) return on_failed(endpoint, now);
    known->put_off = use == ConnectionUse::no_need;
    if (use == ConnectionUse::content) known->failures = 0;
    retry(endpoint, *known, now);
}

void PeerList::set_hurry(bool hurry, TimePoint now) {
    if (std::exchange(hurry_, hurry) == hurry || !hurry) return;
    for (const Endpoint& endpoint : users_) {
        Known& known = known_.at(endpoint);
        const TimePoint soon = std::max(now, known.ended + kHurriedRetry);
        if (known.busy || known.put_off || known.next_attempt <= soon) continue;
        dequeue(endpoint, known);
        enqueue(endpoint, known, soon);
    }
}

void PeerList::on_network_changed(TimePoint now) {
    for (auto& [endpoint, known] : known_) {
        if (known.busy || known.put_off || known.next_attempt <= now) continue;
        dequeue(endpoint, known);
        known.failures = 0;
        enqueue(endpoint, known, now);
    }
}

void PeerList::on_need(TimePoint now) {
    for (auto& [endpoint, known] : known_) {
        if (known.busy || !known.put_off) continue;
        dequeue(endpoint, known);
        known.put_off = false;
        enqueue(endpoint, known, now);
    }
}

void PeerList::ban(const Address& address) {
    bans_.ban(address);
    const auto host = by_host_.find(address.network());
    if (host == by_host_.end()) return;
    for (const Endpoint& endpoint : std::vector(host->second)) forget(endpoint);
}

void PeerList::on_filter_changed() {
    std::vector<Endpoint> gone;
    for (const auto& [endpoint, known] : known_)
        if (bans_.filters(endpoint.address)) gone.push_back(endpoint);
    for (const Endpoint& endpoint : gone) forget(endpoint);
}

bool PeerList::is_ourselves(const Endpoint& endpoint) const {
    return std::ranges::find(ourselves_, endpoint) != ourselves_.end();
}

void PeerList::on_ourselves(const Endpoint& endpoint) {
    forget(endpoint);
    ourselves_.push_back(endpoint);
    if (ourselves_.size() > kMaxOurselves) ourselves_.pop_front();
}

void PeerList::forget(const Endpoint& endpoint) {
    auto found = known_.find(endpoint);
    if (found == known_.end()) return;
    dequeue(endpoint, found->second);
    hearsay_ -= !is_for_private(found->second.source);
    const auto host = by_host_.find(endpoint.address.network());
    std::erase(host->second, endpoint);
    if (host->second.empty()) by_host_.erase(host);
    std::erase(users_, endpoint);
    known_.erase(found);
}

void PeerList::forget_kept(const Endpoint& endpoint) {
    const Known* known = find(endpoint);
    if (known && known->source == PeerSource::kept) forget(endpoint);
}

std::optional<PeerSource> PeerList::source_of(const Endpoint& endpoint) const {
    const auto found = known_.find(endpoint);
    return found == known_.end() ? std::nullopt : std::optional(found->second.source);
}

void PeerList::become_private() {
    is_private_ = true;
    std::vector<Endpoint> gone;
    for (const auto& [endpoint, known] : known_)
        if (!is_for_private(known.source)) gone.push_back(endpoint);
    for (const Endpoint& endpoint : gone) forget(endpoint);
}

}  // namespace btfs
