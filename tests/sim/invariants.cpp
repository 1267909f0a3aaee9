#include "tests/sim/invariants.hpp"

#include <algorithm>
#include <utility>

namespace btfs::sim {
namespace {

constexpr std::uint64_t kFullCheckEvery = 64;
constexpr std::size_t kMostReported = 10;
// What the engine promises of bytes received twice.
constexpr std::uint64_t kDuplicateBytes = 1024 * 1024;
constexpr double kDuplicateShare = 0.08;

}  // namespace

void Invariants::report(const std::string& what) {
    if (violations_.size() >= kMostReported) return;
    const double at = seconds(events_.now() - TimePoint{} - std::chrono::hours(1));
    violations_.push_back(std::to_string(at) + " s: " + what);
}

void Invariants::check() {
    // Beyond the budget only the one buffer that a blocked read always gets.
    const std::size_t memory = client_.store().memory_held();
    if (memory > memory_ + layout_.piece_length() && !std::exchange(over_memory_, true))
        report("memory: " + std::to_string(memory));

    const WireTotals& wire = client_.wire();
    const auto budget =
        kDuplicateBytes + static_cast<std::uint64_t>(kDuplicateShare * static_cast<double>(wire.useful));
    if (wire.twice > std::max(budget, worst_duplicates_ + (budget / 4))) {
        worst_duplicates_ = wire.twice;
        report("received twice: " + std::to_string(wire.twice) + ", budget " + std::to_string(budget));
    }

    const auto& complaints = client_.store().complaints();
    for (; complaints_seen_ < complaints.size(); ++complaints_seen_) report(complaints[complaints_seen_]);

    if (checks_++ % kFullCheckEvery == 0) {
        check_pieces();
        check_requests();
    }
}

void Invariants::check_pieces() {
    const Picker& picker = client_.torrent().picker();
    for (const auto& [piece, partial] : picker.partials()) {
        const std::string name = "piece " + std::to_string(piece.value());
        if (picker.state(piece) != PieceState::receiving) report(name + " is received and something else");
        if (client_.store().had().test(piece)) report(name + " is received though the store has it");
        std::uint32_t received = 0, free = 0;
        for (std::uint32_t block = 0; block < partial->block_count(); ++block) {
            const BlockState state = partial->state(block);
            received += state == BlockState::received;
            free += state == BlockState::free;
            if ((state == BlockState::asked) == partial->askers(block).empty())
                report(name + ": state and askers of a block differ");
            for (const Asker& asker : partial->askers(block)) {
                const wire::PeerSession* session = client_.torrent().session(asker.peer);
                if (!session || !session->may_request(piece)) continue;  // a reject is on its way
                const bool in_flight =
                    session && std::ranges::any_of(session->requests(), [&](const wire::RequestInFlight& r) {
                        return !r.cancelled && r.block == partial->payload(block);
                    });
                if (!in_flight) report(name + ": a block is asked for without a request in flight");
            }
        }
        if (received != partial->received_count() || free != partial->free_count())
            report(name + ": its counts are wrong");
        if (partial->complete()) report(name + " is complete and not verified");
    }
}

void Invariants::check_requests() {
    for (const auto& [id, peer] : client_.connections()) {
        const wire::PeerSession* session = client_.torrent().session(id);
        if (!session) {
            report("a connection without a session");
            continue;
        }
        if (session->requests().size() > session->reqq()) report("more requests than the peer takes");
        for (const auto& request : session->requests()) {
            if (request.cancelled) continue;
            const PartialPiece* partial = client_.partial(request.block.piece);
            if (!partial || !partial->asked_of(partial->block_at(request.block), id))
                report("a request in flight for a block that is not asked for: piece " +
                       std::to_string(request.block.piece.value()));
        }
    }
}

}  // namespace btfs::sim
