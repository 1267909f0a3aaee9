#include "engine/session/connection_budget.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace btfs {

using net::DialUrgency;

ConnectionBudget::Slot::Slot(Slot&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), holder_(other.holder_) {}

ConnectionBudget::Slot& ConnectionBudget::Slot::operator=(Slot&& other) noexcept {
    free();
    budget_ = std::exchange(other.budget_, nullptr);
    holder_ = other.holder_;
    return *this;
}

void ConnectionBudget::Slot::free() {
    if (auto* budget = std::exchange(budget_, nullptr)) budget->release(*holder_);
}

void ConnectionBudget::add(Holder& holder) {
    members_.insert({&holder});
}

void ConnectionBudget::remove(Holder& holder) {
    assert(member(holder).count == 0);
    members_.erase(member(holder));
}

const ConnectionBudget::Member& ConnectionBudget::member(Holder& holder) const {
    const auto found = members_.find(Member{&holder});
    assert(found != members_.end());
    return *found;
}

const ConnectionBudget::Member* ConnectionBudget::greediest(DialUrgency urgency) const {
    const Member* most = nullptr;
    for (const Member& each : members_)
        if (each.count > (most ? most->count : 0) && each.holder->urgency() == urgency) most = &each;
    return most;
}

bool ConnectionBudget::make_room(Holder& holder) {
    if (used_ < max_) return true;
    const DialUrgency urgency = holder.urgency();
    for (DialUrgency each : {DialUrgency::idle, DialUrgency::active, DialUrgency::reader_waits}) {
        if (each > urgency) break;
        const Member* most = greediest(each);
        if (!most || most->holder == &holder) continue;
        // Without this condition two torrents of the same urgency would take a connection from each other in
        // turn.
        if (each == urgency && most->count <= member(holder).count + 1) continue;
        if (most->holder->give_up_connections(1) > 0) return used_ < max_;
    }
    return false;
}

ConnectionBudget::Slot ConnectionBudget::take(Holder& holder) {
    ++member(holder).count;
    ++used_;
    return Slot(*this, holder);
}

void ConnectionBudget::release(Holder& holder) {
    --member(holder).count;
    if (used_-- == max_ && on_room_) on_room_();
}

bool ConnectionBudget::may_dial(DialUrgency urgency, std::size_t half_open) const {
    if (used_ + half_open < max_) return true;
    if (urgency == DialUrgency::idle) return false;
    const bool others_give =
        greediest(DialUrgency::idle) != nullptr ||
        (urgency == DialUrgency::reader_waits && greediest(DialUrgency::active) != nullptr);
    return others_give;
}

bool ConnectionBudget::is_beyond_share(Holder& holder) const {
    return member(holder).count >= std::max(kLeastShare, max_ / members_.size());
}

std::size_t default_max_connections() {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
        return ConnectionBudget::kDefaultMax;
    return std::clamp<std::size_t>(files.rlim_cur / 2, 1, ConnectionBudget::kDefaultMax);
}

}  // namespace btfs
