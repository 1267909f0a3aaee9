#include "engine/dht/routing_table.hpp"

#include <algorithm>
#include <utility>

namespace btfs::dht {
namespace {

bool is_public(const Address& address) {
    return !address.is_private() && !address.is_loopback();
}

/// Returns true if both addresses are of one IPv4 /24 or IPv6 /64: one customer of a provider may have both.
bool are_neighbours(const Address& a, const Address& b) {
    if (a.family() != b.family()) return false;
    const std::size_t size = a.is_v4() ? 3 : 8;
    return std::ranges::equal(a.bytes().first(size), b.bytes().first(size));
}

}  // namespace

std::size_t RoutingTable::index_of(const NodeId& id) const {
    return std::min(static_cast<std::size_t>(common_bits(own_, id)), buckets_.size() - 1);
}

bool RoutingTable::has_neighbour(const Bucket& bucket, const Contact& contact) const {
    const Address& address = contact.endpoint.address;
    return is_public(address) && std::ranges::any_of(bucket.nodes, [&](const Entry& entry) {
               return are_neighbours(entry.contact.endpoint.address, address);
           });
}

bool RoutingTable::has_address(const Contact& contact) const {
    const Address& address = contact.endpoint.address;
    for (const Bucket& bucket : buckets_)
        for (const Entry& entry : bucket.nodes) {
            if (entry.contact.endpoint == contact.endpoint) return true;
            if (is_public(address) && entry.contact.endpoint.address == address) return true;
        }
    return false;
}

bool RoutingTable::wants(const Contact& contact) const {
    if (contact.id == own_ || has_address(contact)) return false;
    const std::size_t index = index_of(contact.id);
    const Bucket& bucket = buckets_[index];
    if (std::ranges::any_of(bucket.nodes, [&](const Entry& e) { return e.contact.id == contact.id; }))
        return false;
    if (has_neighbour(bucket, contact)) return false;
    const bool may_split = index + 1 == buckets_.size();
    return bucket.nodes.size() < kBucketSize || may_split || std::ranges::any_of(bucket.nodes, &Entry::bad);
}

void RoutingTable::handle_reply(const Contact& contact, TimePoint now) {
    if (contact.id == own_) return;
    for (Bucket& bucket : buckets_) {
        const auto known = std::ranges::find_if(
            bucket.nodes, [&](const Entry& e) { return e.contact.endpoint == contact.endpoint; });
        if (known == bucket.nodes.end()) continue;
        if (known->contact.id == contact.id) {
            known->heard = now;
            known->failures = 0;
            bucket.changed = now;
            return;
        }
        bucket.nodes.erase(known);  // the node has changed its id
        break;
    }
    if (has_address(contact)) return;
    insert({contact, now, {}, 0, is_secure(contact.id, contact.endpoint.address)});
}

void RoutingTable::insert(Entry entry) {
    for (;;) {
        const std::size_t index = index_of(entry.contact.id);
        Bucket& bucket = buckets_[index];
        const auto namesake = std::ranges::find_if(
            bucket.nodes, [&](const Entry& e) { return e.contact.id == entry.contact.id; });
        if (namesake != bucket.nodes.end()) {
            if (namesake->bad()) *namesake = entry;
            return;
        }
        if (has_neighbour(bucket, entry.contact)) return;
        bucket.changed = entry.heard;
        if (bucket.nodes.size() < kBucketSize) return bucket.nodes.push_back(std::move(entry));
        const bool holds_own = index + 1 == buckets_.size();
        if (holds_own && buckets_.size() < 8 * NodeId::kSize) {
            split_last();
            continue;
        }
        auto worse = std::ranges::find_if(bucket.nodes, &Entry::bad);
        if (worse == bucket.nodes.end() && entry.secure)
            worse = std::ranges::find_if(bucket.nodes, [](const Entry& e) { return !e.secure; });
        if (worse != bucket.nodes.end()) {
            *worse = std::move(entry);
            return;
        }
        std::erase_if(bucket.spares,
                      [&](const Entry& e) { return e.contact.endpoint == entry.contact.endpoint; });
        if (bucket.spares.size() == kBucketSize) bucket.spares.erase(bucket.spares.begin());
        return bucket.spares.push_back(std::move(entry));
    }
}

void RoutingTable::split_last() {
    Bucket whole = std::move(buckets_.back());
    buckets_.back() = {};
    buckets_.back().changed = whole.changed;
    buckets_.push_back(buckets_.back());
    for (Entry& entry : whole.nodes) bucket_of(entry.contact.id).nodes.push_back(std::move(entry));
    for (Entry& entry : whole.spares) insert(std::move(entry));
}

void RoutingTable::rename(const NodeId& own) {
    own_ = own;
    const std::vector<Bucket> before = std::exchange(buckets_, std::vector<Bucket>(1));
    for (const Bucket& bucket : before) {
        for (const Entry& entry : bucket.nodes) insert(entry);
        for (const Entry& entry : bucket.spares)
            if (!has_address(entry.contact)) insert(entry);
    }
}

void RoutingTable::handle_failure(const Contact& contact) {
    Bucket& bucket = bucket_of(contact.id);
    const auto found =
        std::ranges::find_if(bucket.nodes, [&](const Entry& e) { return e.contact == contact; });
    if (found == bucket.nodes.end()) return;
    ++found->failures;
    if (!found->bad() || take_spare(bucket, *found)) return;
    if (found->failures >= kHopeless) bucket.nodes.erase(found);
}

void RoutingTable::remove(const Contact& contact) {
    Bucket& bucket = bucket_of(contact.id);
    std::erase_if(bucket.spares, [&](const Entry& e) { return e.contact == contact; });
    const auto found =
        std::ranges::find_if(bucket.nodes, [&](const Entry& e) { return e.contact == contact; });
    if (found != bucket.nodes.end() && !take_spare(bucket, *found)) bucket.nodes.erase(found);
}

void RoutingTable::remove_if(const std::function<bool(const Contact&)>& unwanted) {
    for (Bucket& bucket : buckets_) {
        std::erase_if(bucket.spares, [&](const Entry& e) { return unwanted(e.contact); });
        for (auto entry = bucket.nodes.begin(); entry != bucket.nodes.end();) {
            if (!unwanted(entry->contact) || take_spare(bucket, *entry)) {
                ++entry;
            } else {
                entry = bucket.nodes.erase(entry);
            }
        }
    }
}

/// Moves a spare node into `place`. Returns false if the bucket has no usable spare.
bool RoutingTable::take_spare(Bucket& bucket, Entry& place) {
    while (!bucket.spares.empty()) {
        Entry spare = std::move(bucket.spares.back());
        bucket.spares.pop_back();
        if (has_address(spare.contact)) continue;
        place = std::move(spare);
        return true;
    }
    return false;
}

void RoutingTable::handle_query(const Contact& contact, TimePoint now) {
    for (Entry& entry : bucket_of(contact.id).nodes)
        if (entry.contact == contact && !entry.bad()) entry.heard = now;
}

std::vector<Contact> RoutingTable::nearest(const NodeId& target, std::size_t count) const {
    std::vector<Contact> nodes = contacts();
    const auto nearer = [&](const Contact& a, const Contact& b) { return is_nearer(a.id, b.id, target); };
    const std::size_t kept = std::min(count, nodes.size());
    std::ranges::partial_sort(nodes, nodes.begin() + static_cast<std::ptrdiff_t>(kept), nearer);
    nodes.resize(kept);
    return nodes;
}

std::optional<Contact> RoutingTable::poll_ping(TimePoint now) {
    if (now < next_ping_) return std::nullopt;
    Entry* silent = nullptr;
    for (Bucket& bucket : buckets_)
        for (Entry& entry : bucket.nodes)
            if (!silent || std::max(entry.heard, entry.pinged) < std::max(silent->heard, silent->pinged))
                silent = &entry;
    if (!silent) return std::nullopt;
    const TimePoint due = std::max(silent->heard, silent->pinged) + kQuestionable;
    if (now < due) {
        next_ping_ = due;
        return std::nullopt;
    }
    silent->pinged = now;
    next_ping_ = now + kPingInterval;
    return silent->contact;
}

std::optional<NodeId> RoutingTable::poll_refresh(TimePoint now, Rng& rng) {
    if (now < next_refresh_) return std::nullopt;
    next_refresh_ = now + kRefreshInterval;
    if (size() == 0) return std::nullopt;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        Bucket& bucket = buckets_[i];
        if (bucket.nodes.size() == kBucketSize || now < bucket.changed + kQuestionable) continue;
        bucket.changed = now;
        return random_id_near(own_, static_cast<int>(i), rng);
    }
    return std::nullopt;
}

TimePoint RoutingTable::next_timeout() const {
    return size() == 0 ? kNever : std::min(next_ping_, next_refresh_);
}

std::size_t RoutingTable::size() const {
    std::size_t count = 0;
    for (const Bucket& bucket : buckets_) count += bucket.nodes.size();
    return count;
}

std::vector<Contact> RoutingTable::contacts() const {
    std::vector<Contact> all;
    for (const Bucket& bucket : buckets_)
        for (const Entry& entry : bucket.nodes)
            if (!entry.bad()) all.push_back(entry.contact);
    return all;
}

}  // namespace btfs::dht
