#include "tests/sim/invariants.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace btfs::sim {
namespace {

constexpr std::uint64_t kFullCheckEvery = 64;
constexpr std::size_t kMostReported = 10;
// Budget that the engine promises for bytes received twice.
constexpr std::uint64_t kDuplicateBytes = 1024 * 1024;
constexpr double kDuplicateShare = 0.08;
/// Bytes that the uploader reads ahead for one peer at most, and one read more, with its blocks' headers.
constexpr std::size_t kMostAhead = 48 * kBlockSize + 16 * wire::kPieceHeaderSize;

}  // namespace

void Invariants::report(const std::string& what) {
    if (violations_.size() >= kMostReported) return;
    const double at = seconds(events_.now() - TimePoint{} - std::chrono::hours(1));
    violations_.push_back(std::to_string(at) + " s: " + what);
}

void Invariants::check() {
    // A blocked read always gets one buffer, even beyond the budget.
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
    const auto& verdicts = client_.complaints();
    for (; verdicts_seen_ < verdicts.size(); ++verdicts_seen_) report(verdicts[verdicts_seen_]);
    const std::size_t most =
        2 * client_.options().max_peers + Torrent::kMaxDialling + Torrent::kMaxRedialling;
    if (client_.actions() > most) report("actions after one event: " + std::to_string(client_.actions()));

    if (checks_++ % kFullCheckEvery == 0) {
        check_pieces();
        check_requests();
        check_connections();
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
                if (!session) {
                    report(name + ": a block waits for a peer that has gone");
                    continue;
                }
                if (!session->may_request(piece)) continue;  // the reject is on its way
                const bool in_flight =
                    std::ranges::any_of(session->requests(), [&](const wire::RequestInFlight& r) {
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

/// Checks that no host has more connections than its share, that no more peers are unchoked than there are
/// slots, and that the uploader reads no further ahead for a peer than it may.
void Invariants::check_connections() {
    std::map<Address, std::size_t> of_host;
    std::size_t unchoked = 0;
    for (const auto& [id, peer] : client_.connections()) {
        const wire::PeerSession* session = client_.torrent().session(id);
        if (!session) continue;
        ++of_host[session->remote().address.network()];
        unchoked += !session->am_choking();
        if (session->upload_backlog() > kMostAhead)
            report("sent ahead: " + std::to_string(session->upload_backlog()));
    }
    for (const auto& [host, count] : of_host) {
        const bool is_local = host.is_private() || host.is_loopback();
        if (!is_local && count > Admission::kMaxPerHostWithRoom + 1)  // one more may be a second dial
            report("one host has " + std::to_string(count) + " connections: " + host.text());
    }
    if (client_.connections().size() > client_.options().max_peers + Torrent::kMaxRedialling)
        report("connections: " + std::to_string(client_.connections().size()));
    if (unchoked > UploadSlots::kMost) report("unchoked peers: " + std::to_string(unchoked));
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
