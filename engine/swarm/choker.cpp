#include "engine/swarm/choker.hpp"

#include <algorithm>

namespace btfs {
namespace {

/// Weight of a round at the end of the next one; each further round multiplies it again.
constexpr double kFades = 0.5;
/// A peer that gave less than one byte for so many that it took may be a free rider.
constexpr std::uint64_t kGivesOneIn = 8;
/// A slow peer has had its turn, too, after so many times kQuotaTime.
constexpr int kSlowTurn = 3;

std::size_t optimistic_slots(std::size_t allowed) {
    return allowed == 0 ? 0 : std::max<std::size_t>(1, allowed / Choker::kOptimisticShare);
}

/// Returns how many peers may be unchoked, those that take nothing included, but for optimistic unchokes.
std::size_t most_unchoked(std::size_t allowed) {
    if (allowed == 0) return 0;
    return std::max(allowed + 1, allowed * Choker::kMostIdle - optimistic_slots(allowed));
}

}  // namespace

// ---- one peer ----

bool Choker::wants_slot(const Peer& peer) const {
    return !closed_ && peer.session.greeted() && peer.session.peer_interested();
}

/// Returns true of an unchoked peer that takes what we send, or was unchoked just now.
bool Choker::is_busy(const Peer& peer, TimePoint now) const {
    return !peer.uploads.empty() || peer.reading_upload || peer.session.upload_backlog() > 0 ||
           now < std::max(peer.last_uploaded, peer.slot.since) + kIdle;
}

/// Returns true of a peer that took a lot and gave next to nothing of what we lack.
bool Choker::rides_free(const Peer& peer) const {
    const std::uint64_t taken = peer.slot.taken_earlier + peer.session.content_sent();
    const std::uint64_t given = peer.slot.given_earlier + peer.session.content_received();
    return aim_.fetches && peer.session.am_interested() && taken > given + kFreeRide &&
           given < taken / kGivesOneIn;
}

void Choker::unchoke(Peer& peer, TimePoint now) {
    peer.session.set_choking(false);
    peer.slot.since = now;
    peer.slot.taken_at_unchoke = peer.session.content_sent();
}

void Choker::choke(Peer& peer, TimePoint now) {
    peer.session.set_choking(true);
    peer.slot.since = now;
    peer.slot.luck = rng_.fraction();
    peer.slot.optimistic_until = {};
}

/// Returns what is remembered of the peer's host, which is known from now on.
Choker::Host& Choker::host(const Peer& peer, TimePoint now) {
    const Address address = peer.session.remote().address.network();
    const auto [found, is_new] = hosts_.try_emplace(address, Host{now});
    if (!is_new) return found->second;
    hosts_in_order_.push_back(address);
    if (hosts_in_order_.size() > kMaxHosts) {
        hosts_.erase(hosts_in_order_.front());
        hosts_in_order_.pop_front();
    }
    return found->second;
}

void Choker::on_peer_connected(Peer& peer) {
    peer.slot.luck = rng_.fraction();
    const auto found = hosts_.find(peer.session.remote().address.network());
    if (found == hosts_.end()) return;
    peer.slot.taken_earlier = found->second.taken;
    peer.slot.given_earlier = found->second.given;
}

void Choker::on_peer_gone(const Peer& peer, TimePoint now) {
    const std::uint64_t taken = peer.session.content_sent(), given = peer.session.content_received();
    if (taken == 0 && given == 0) return;
    Host& its_host = host(peer, now);
    its_host.taken += taken;
    its_host.given += given;
}

// ---- at once ----

void Choker::on_interest_changed(TimePoint now) {
    if (peers_.size() <= slots_.total()) return assign(now);
    look_at_ = std::min(look_at_, now + kGather);
}

void Choker::assign(TimePoint now) {
    std::size_t wanted = 0;
    for (auto& [id, peer] : peers_) {
        if (wants_slot(*peer)) {
            ++wanted;
        } else if (!peer->session.am_choking()) {
            choke(*peer, now);
        }
    }
    share_.want(wanted, aim_.has_readers);
    share_.set_trades(aim_.trades);
    fill(now);
}

/// Unchokes the best of those that wait, while a slot is free.
void Choker::fill(TimePoint now) {
    const std::size_t allowed = share_.allowed();
    std::size_t busy = 0, unchoked = 0;
    std::vector<Peer*> waiting;
    for (auto& [id, peer] : peers_) {
        if (!peer->session.am_choking()) {
            ++unchoked;
            busy += is_busy(*peer, now);
        } else if (wants_slot(*peer) && !rides_free(*peer)) {
            waiting.push_back(peer.get());
        }
    }
    while (!waiting.empty() && busy < allowed && unchoked < most_unchoked(allowed)) {
        const auto best = std::ranges::max_element(
            waiting, [&](const Peer* a, const Peer* b) { return better(*b, *a, now); });
        unchoke(**best, now);
        waiting.erase(best);
        ++busy;
        ++unchoked;
    }
    look_at_ = waiting.empty() || allowed == 0 ? kNever : now + kLook;
}

// ---- rounds ----

void Choker::tick(TimePoint now) {
    slots_.measure(now);
    if (now >= round_end_) end_round(now);
    assign(now);
}

/// Returns true if `a` deserves a slot rather than `b`.
bool Choker::better(const Peer& a, const Peer& b, TimePoint now) const {
    if (aim_.fetches) {
        if (a.slot.given != b.slot.given) return a.slot.given > b.slot.given;
        if (aim_.has_blocked) {
            const bool has = aim_.has_blocked(a);
            if (has != aim_.has_blocked(b)) return has;
        }
    } else {
        const auto had_its_turn = [&](const Peer& peer) {
            if (peer.session.am_choking()) return false;
            const std::uint64_t taken = peer.session.content_sent() - peer.slot.taken_at_unchoke;
            const Duration held = now - peer.slot.since;
            return held > kQuotaTime &&
                   (taken > kQuotaPieces * aim_.piece_length || held > kSlowTurn * kQuotaTime);
        };
        const bool a_had = had_its_turn(a);
        if (a_had != had_its_turn(b)) return !a_had;
        if (a.slot.taken != b.slot.taken) return a.slot.taken > b.slot.taken;
    }
    // An unchoked peer does not wait.
    const auto waited = [&](const Peer& peer) {
        const double time = peer.session.am_choking() ? seconds(now - peer.slot.since) : 0;
        return aim_.fetches ? time * peer.slot.luck : time;
    };
    return waited(a) > waited(b);
}

std::vector<Peer*> Choker::ranked(TimePoint now) {
    std::vector<Peer*> order;
    for (auto& [id, peer] : peers_)
        if (wants_slot(*peer) && !rides_free(*peer)) order.push_back(peer.get());
    std::ranges::stable_sort(order, [&](const Peer* a, const Peer* b) { return better(*a, *b, now); });
    return order;
}

/// Gives the slots to the best of the round, if more want one than there are. Optimistic unchokes stay for
/// their time.
void Choker::end_round(TimePoint now) {
    round_end_ = now + kRound;
    for (auto& [id, peer] : peers_) {
        SlotAccount& slot = peer->slot;
        const std::uint64_t given = peer->session.content_received(), taken = peer->session.content_sent();
        slot.given = kFades * slot.given + static_cast<double>(given - slot.given_before);
        slot.taken = kFades * slot.taken + static_cast<double>(taken - slot.taken_before);
        slot.given_before = given;
        slot.taken_before = taken;
    }
    const std::size_t allowed = share_.allowed();
    const std::size_t optimistic = optimistic_slots(allowed);
    std::size_t left = allowed - optimistic;
    std::size_t unchoked = 0;
    bool some_wait = false;
    for (Peer* peer : ranked(now)) {
        const bool idle = !peer->session.am_choking() && !is_busy(*peer, now);
        if (idle && unchoked < most_unchoked(allowed)) {
            ++unchoked;
        } else if (left > 0 && unchoked < most_unchoked(allowed)) {
            --left;
            ++unchoked;
            if (peer->session.am_choking()) unchoke(*peer, now);
            peer->slot.optimistic_until = {};
        } else if (peer->session.am_choking()) {
            some_wait = true;
        } else if (now >= peer->slot.optimistic_until) {
            choke(*peer, now);
            some_wait = true;
        }
    }
    for (auto& [id, peer] : peers_)
        if (rides_free(*peer) && !peer->session.am_choking() && now >= peer->slot.optimistic_until)
            choke(*peer, now);
    if (some_wait || left == 0) next_optimistic(now);
}

/// Unchokes peers by lot where slots for that are free. Newcomers, and peers that have what a blocked read
/// waits for, are likelier.
void Choker::next_optimistic(TimePoint now) {
    std::size_t taken = 0;
    std::vector<Peer*> lots;
    for (auto& [id, peer] : peers_) {
        if (!wants_slot(*peer)) continue;
        const bool newcomer = now < host(*peer, now).known_since + kNewcomer;
        if (!peer->session.am_choking()) {
            taken += now < peer->slot.optimistic_until;
            continue;
        }
        if (peer->slot.since == now) continue;  // it was choked just now
        const bool useful = aim_.fetches && aim_.has_blocked && aim_.has_blocked(*peer);
        lots.insert(lots.end(), newcomer || useful ? kNewcomerOdds : 1, peer.get());
    }
    for (; taken < optimistic_slots(share_.allowed()) && !lots.empty(); ++taken) {
        Peer* chosen = lots[rng_.below(lots.size())];
        unchoke(*chosen, now);
        chosen->slot.optimistic_until = now + kOptimistic;
        std::erase(lots, chosen);
    }
}

}  // namespace btfs
