#include "fs/taken_names.hpp"

#include <utility>

#include "fs/processes.hpp"

namespace btfs {

void TakenNames::add(Name name) {
    const TimePoint now = now_();
    std::lock_guard lock(mutex_);
    std::erase_if(names_, [&](const Kept& kept) {
        return now - kept.since >= 2 * kLifetime || kept.name.node == name.node ||
               (kept.name.name == name.name && kept.name.process == name.process);
    });
    if (names_.size() == kMaxNames) names_.pop_front();
    names_.push_back({std::move(name), now});
}

std::optional<TakenNames::Name> TakenNames::find(std::string_view name, pid_t process) const {
    const TimePoint now = now_();
    std::lock_guard lock(mutex_);
    for (auto kept = names_.rbegin(); kept != names_.rend() && now - kept->since < kLifetime; ++kept)
        if (kept->name.name == name && may_be_same(kept->name.process, process)) return kept->name;
    return std::nullopt;
}

std::optional<TakenNames::Name> TakenNames::find(NodeId node) const {
    const TimePoint now = now_();
    std::lock_guard lock(mutex_);
    for (const Kept& kept : names_)
        if (kept.name.node == node && now - kept.since < 2 * kLifetime) return kept.name;
    return std::nullopt;
}

void TakenNames::forget(NodeId node) {
    std::lock_guard lock(mutex_);
    std::erase_if(names_, [&](const Kept& kept) { return kept.name.node == node; });
}

}  // namespace btfs
