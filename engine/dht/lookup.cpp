#include "engine/dht/lookup.hpp"

#include <algorithm>
#include <utility>

namespace btfs::dht {

void Lookup::add(const Contact& contact, AdviserId adviser) {
    if (candidates_.size() == kMaxCandidates &&
        !is_nearer(contact.id, candidates_.back().contact.id, target_))
        return;
    const Address& address = contact.endpoint.address;
    const bool is_public = !address.is_private() && !address.is_loopback();
    for (Candidate& known : candidates_) {
        if (known.contact == contact && known.advisers.size() < kMaxAdvisers)
            known.advisers.push_back(adviser);
        if (known.contact.endpoint == contact.endpoint) return;
        if (is_public && known.contact.endpoint.address == address) return;
    }
    insert({contact, {adviser}, advisers_[adviser].hop + 1, State::fresh, {}, {}});
}

void Lookup::insert(Candidate candidate) {
    const auto place = std::ranges::find_if(candidates_, [&](const Candidate& known) {
        return is_nearer(candidate.contact.id, known.contact.id, target_);
    });
    candidates_.insert(place, std::move(candidate));
    if (candidates_.size() > kMaxCandidates) candidates_.pop_back();
}

void Lookup::add_router(const Endpoint& endpoint) {
    if (std::ranges::none_of(routers_, [&](const Router& r) { return r.endpoint == endpoint; }))
        routers_.push_back({endpoint, State::fresh, {}});
}

Lookup::Candidate* Lookup::find(const Endpoint& endpoint) {
    const auto found = std::ranges::find_if(
        candidates_, [&](const Candidate& known) { return known.contact.endpoint == endpoint; });
    return found == candidates_.end() ? nullptr : &*found;
}

bool Lookup::recommended(const Candidate& candidate) const {
    return std::ranges::any_of(candidate.advisers, [this](AdviserId id) { return advisers_[id].believed(); });
}

bool Lookup::counts(const Candidate& candidate) const {
    return candidate.state == State::replied && advisers_[candidate.advice].believed();
}

void Lookup::blame_advisers(const Candidate& candidate) {
    for (AdviserId adviser : candidate.advisers) ++advisers_[adviser].bad;
}

template <class Self, class Visit>
void Lookup::walk(Self& self, Visit visit) {
    for (auto& candidate : self.candidates_) {
        if (candidate.state == State::failed) continue;
        if (candidate.state == State::fresh && !self.recommended(candidate)) continue;
        if (!visit(candidate)) return;
    }
}

std::optional<Lookup::Ask> Lookup::poll_ask(TimePoint now) {
    next_ = kNever;
    if (asked_count_ >= kMaxAsked) return std::nullopt;
    std::size_t waiting = 0;
    const auto note = [&](State state, TimePoint asked) {
        if (state != State::asked || slow(asked, now)) return;
        ++waiting;
        next_ = std::min(next_, asked + kSlow);
    };
    for (const Candidate& candidate : candidates_) note(candidate.state, candidate.asked);
    for (const Router& router : routers_) note(router.state, router.asked);
    if (waiting >= parallel_) return std::nullopt;

    for (Router& router : routers_) {
        if (router.state != State::fresh) continue;
        router.state = State::asked;
        router.asked = now;
        ++asked_count_;
        return Ask{router.endpoint, std::nullopt};
    }
    Candidate* best = nullptr;
    std::size_t nearer = 0;  // nodes that have answered or may still answer soon
    walk(*this, [&](Candidate& candidate) {
        if (candidate.state == State::fresh) best = &candidate;
        if (counts(candidate) || (candidate.state == State::asked && !slow(candidate.asked, now))) ++nearer;
        return best == nullptr && nearer < kNearest;
    });
    if (!best) return std::nullopt;
    best->state = State::asked;
    best->asked = now;
    ++asked_count_;
    return Ask{best->contact.endpoint, best->contact.id};
}

void Lookup::handle_reply(const Endpoint& from, const NodeId& id, std::span<const Contact> nodes,
                          std::string token) {
    for (Router& router : routers_) {
        if (router.endpoint != from || router.state != State::asked) continue;
        router.state = State::replied;
        take_advice(nodes, 0);
        return;
    }
    Candidate* const candidate = find(from);
    if (!candidate || candidate->state != State::asked) return;
    const unsigned hop = candidate->hop;
    candidate->state = State::replied;
    candidate->token = std::move(token);
    if (candidate->contact.id == id) {
        for (AdviserId adviser : candidate->advisers) advisers_[adviser].good = true;
        hops_ = std::max(hops_, hop);
        candidate->advice = static_cast<AdviserId>(advisers_.size());
        take_advice(nodes, hop);
        return;
    }
    // The node has another id than its advisers told us, so its place in the id space is another. Liars send
    // a lookup to each other with such false ids.
    blame_advisers(*candidate);
    Candidate renamed = std::move(*candidate);
    candidates_.erase(candidates_.begin() + (candidate - candidates_.data()));
    renamed.contact.id = id;
    insert(std::move(renamed));
}

void Lookup::take_advice(std::span<const Contact> nodes, unsigned hop) {
    const auto adviser = static_cast<AdviserId>(advisers_.size());
    advisers_.push_back({hop, 0, false});
    for (const Contact& contact : nodes.first(std::min(nodes.size(), kMaxAdvice))) add(contact, adviser);
}

void Lookup::handle_failure(const Endpoint& from) {
    for (Router& router : routers_)
        if (router.endpoint == from && router.state == State::asked) router.state = State::failed;
    Candidate* const candidate = find(from);
    if (!candidate || candidate->state != State::asked) return;
    candidate->state = State::failed;
    blame_advisers(*candidate);
}

bool Lookup::ended() const {
    if (std::ranges::any_of(
            routers_, [](const Router& r) { return r.state == State::fresh || r.state == State::asked; }))
        return false;
    bool open = false;
    std::size_t replied = 0;
    walk(*this, [&](const Candidate& candidate) {
        const bool may_be_asked = candidate.state == State::fresh && asked_count_ < kMaxAsked;
        open = candidate.state == State::asked || may_be_asked;
        if (counts(candidate)) ++replied;
        return !open && replied < kNearest;
    });
    return !open;
}

std::vector<Contact> Lookup::liars() const {
    std::vector<Contact> liars;
    for (const Candidate& candidate : candidates_)
        if (candidate.state == State::replied && !counts(candidate)) liars.push_back(candidate.contact);
    return liars;
}

std::vector<Lookup::Responder> Lookup::responders() const {
    std::vector<Responder> nearest;
    for (const Candidate& candidate : candidates_) {
        if (!counts(candidate)) continue;
        nearest.push_back({candidate.contact, candidate.token});
        if (nearest.size() == kNearest) break;
    }
    return nearest;
}

}  // namespace btfs::dht
