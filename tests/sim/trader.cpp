#include "tests/sim/trader.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace btfs::sim {
namespace {

constexpr Duration kTick = 1s;
constexpr Duration kQueueTime = 3s;        // of requests in flight
constexpr std::size_t kShortestQueue = 2;  // requests
constexpr std::size_t kLongestQueue = 500;
constexpr Duration kSnubAfter = 20s;

}  // namespace

Trader::Trader(EventQueue& events, const Layout& layout, Bitfield& have, const Options& options,
               std::function<void(PieceIndex)> gained)
    : events_(events),
      have_(have),
      options_(options),
      gained_(std::move(gained)),
      rng_(options.seed),
      choker_(options.choking, layout.piece_length(), options.seed + 1, events.now()),
      picker_(layout, have) {}

void Trader::start() {
    events_.after(from_seconds(seconds(kTick) * rng_.fraction()), [this] { tick(); });
}

void Trader::leave(Id id) {
    const auto partner = partners_.find(id);
    if (partner == partners_.end()) return;
    const bool had_slot = !partner->second.line.session().am_choking();
    partners_.erase(partner);
    choker_.forget(id);
    picker_.release_all(id);
    if (had_slot) choker_.hurry(events_.now());
    ask_all();
}

void Trader::on_event(Id id, const wire::PeerEvent& event) {
    const auto found = partners_.find(id);
    if (found == partners_.end()) return;
    Partner& partner = found->second;
    if (std::holds_alternative<wire::InterestChanged>(event)) return on_interest(id, partner);
    if (const auto* arrived = std::get_if<wire::BlockArrived>(&event))
        return on_block(id, partner, arrived->block);
    if (const auto* refused = std::get_if<wire::BlockRefused>(&event)) {
        picker_.release(id, refused->block);
        return ask_all();
    }
    if (std::holds_alternative<wire::PiecesKnown>(event) ||
        std::holds_alternative<wire::PieceGained>(event) || std::holds_alternative<wire::PieceLost>(event))
        update_interest(partner);
    ask(id, partner);
}

// ---- uploading ----

void Trader::on_interest(Id id, Partner& partner) {
    wire::PeerSession& session = partner.line.session();
    if (!options_.uploads) return;
    if (!session.peer_interested()) {
        if (session.am_choking()) return;
        session.set_choking(true);
        choker_.hurry(events_.now());
    } else if (session.am_choking() &&
               choker_.unchokes_at_once(customer(id, partner), unchoked(), events_.now())) {
        session.set_choking(false);
    }
    partner.line.flush();
}

void Trader::tick() {
    if (options_.uploads) end_round();
    snub_silent();
    events_.after(kTick, [this] { tick(); });
}

void Trader::end_round() {
    std::vector<RemoteChoker::Customer> customers;
    for (const auto& [id, partner] : partners_)
        if (partner.line.session().greeted()) customers.push_back(customer(id, partner));
    const auto chosen = choker_.tick(customers, have_.all(), events_.now());
    if (!chosen) return;
    for (const RemoteChoker::Customer& one : customers) {
        Partner& partner = partners_.at(one.id);
        partner.line.session().set_choking(!chosen->contains(one.id));
        partner.line.flush();
    }
}

RemoteChoker::Customer Trader::customer(Id id, const Partner& partner) {
    const wire::PeerSession& session = partner.line.session();
    return {id, session.peer_interested(), !session.am_choking(), session.content_received(),
            session.content_sent()};
}

std::size_t Trader::unchoked() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        partners_, [](const auto& partner) { return !partner.second.line.session().am_choking(); }));
}

// ---- downloading ----

std::size_t Trader::availability(PieceIndex piece) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        partners_, [&](const auto& partner) { return partner.second.line.session().has(piece); }));
}

void Trader::update_interest(Partner& partner) {
    wire::PeerSession& session = partner.line.session();
    const Bitfield* pieces = session.pieces();
    const bool wants = session.is_seed() ? !have_.all() : pieces && pieces->count_without(have_) > 0;
    session.set_interested(wants);
    partner.line.flush();
}

std::size_t Trader::queue_length(Partner& partner) const {
    if (partner.snubbed) return 1;
    while (!partner.arrivals.empty() && partner.arrivals.front() + kQueueTime < events_.now())
        partner.arrivals.pop_front();
    const std::size_t most = std::min<std::size_t>(kLongestQueue, partner.line.session().reqq());
    return std::min(kShortestQueue + partner.arrivals.size(), most);
}

void Trader::ask(Id id, Partner& partner) {
    wire::PeerSession& session = partner.line.session();
    if (!session.am_interested() || !session.may_request_any()) return;
    if (session.peer_choking() &&
        std::ranges::all_of(session.allowed_fast(), [&](PieceIndex piece) { return have_.test(piece); }))
        return;
    const auto may_ask = [&](PieceIndex piece) { return session.has(piece) && session.may_request(piece); };
    const std::size_t length = queue_length(partner);
    while (session.requests().size() < length) {
        const auto block = picker_.pick(
            id, may_ask, [this](PieceIndex piece) { return availability(piece); }, rng_);
        if (!block) break;
        if (session.requests().empty()) partner.waits_since = events_.now();
        session.request(*block, events_.now());
    }
    partner.line.flush();
}

void Trader::ask_all() {
    for (auto& [id, partner] : partners_) ask(id, partner);
}

void Trader::on_block(Id id, Partner& partner, const BlockRef& block) {
    partner.arrivals.push_back(events_.now());
    partner.waits_since = events_.now();
    partner.snubbed = false;
    if (picker_.receive(block)) {
        have_.set(block.piece);
        on_gained(block.piece);
    }
    ask(id, partner);
}

void Trader::on_gained(PieceIndex piece) {
    for (auto& [id, partner] : partners_) {
        if (!partner.line.session().pieces_known()) continue;
        update_interest(partner);
    }
    gained_(piece);
}

/// The blocks that a peer owes and does not send are asked of others.
void Trader::snub_silent() {
    bool freed = false;
    for (auto& [id, partner] : partners_) {
        wire::PeerSession& session = partner.line.session();
        if (partner.snubbed || session.requests().empty() || events_.now() - partner.waits_since < kSnubAfter)
            continue;
        partner.snubbed = freed = true;
        std::vector<BlockRef> owed;
        for (const wire::RequestInFlight& request : session.requests())
            if (!request.cancelled) owed.push_back(request.block);
        for (const BlockRef& block : owed) session.cancel(block, events_.now());
        picker_.release_all(id);
        partner.line.flush();
    }
    if (freed) ask_all();
}

}  // namespace btfs::sim
