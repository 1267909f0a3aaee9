#include "fs/passthrough.hpp"

#include <algorithm>
#include <utility>

#include "engine/log/log.hpp"

namespace btfs {

std::optional<BackingId> Passthrough::begin(NodeId node, const LeaseFile& lease) {
    if (!enabled_) return std::nullopt;
    {
        std::lock_guard lock(mutex_);
        if (const auto found = opens_.find(node); found != opens_.end()) {
            ++found->second.count;
            if (!found->second.backing) return std::nullopt;
            return found->second.backing->id;
        }
    }
    // Decided without the lock. Another thread may be first with the same file: then its decision counts.
    std::optional<Backing> backing = back(node, lease);
    const std::optional<BackingId> id = join(node, backing);
    if (backing) drop(*backing);
    return id;
}

/// Counts an open, the first one with `backing`, which is taken then.
std::optional<BackingId> Passthrough::join(NodeId node, std::optional<Backing>& backing) {
    std::lock_guard lock(mutex_);
    Opens& opens = opens_[node];
    if (opens.count++ == 0) opens.backing = std::exchange(backing, std::nullopt);
    if (!opens.backing) return std::nullopt;
    return opens.backing->id;
}

std::optional<Passthrough::Backing> Passthrough::back(NodeId node, const LeaseFile& lease) {
    if (refused_) return std::nullopt;
    std::unique_ptr<DataLease> leased = lease();
    if (!leased) return std::nullopt;
    const Result<BackingId> id = kernel_.add(leased->descriptor());
    if (!id) {
        if (!refused_.exchange(true))
            log::debug("the kernel does not read files of the cache by itself: {}", id.error().message());
        return std::nullopt;
    }
    log::debug("passthrough: the kernel reads node {:x} from the cache by itself", node);
    return Backing{std::move(leased), *id};
}

void Passthrough::end(NodeId node) {
    std::optional<Backing> last;
    {
        std::lock_guard lock(mutex_);
        const auto found = opens_.find(node);
        if (found == opens_.end() || --found->second.count > 0) return;
        last = std::move(found->second.backing);
        opens_.erase(found);
    }
    if (last) drop(*last);
}

/// The kernel lets go of the file before its pieces may be evicted.
void Passthrough::drop(Backing& backing) {
    kernel_.remove(backing.id);
    backing.lease.reset();
}

std::size_t Passthrough::passed_through() const {
    std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(opens_, [](const auto& open) { return open.second.backing.has_value(); }));
}

}  // namespace btfs
