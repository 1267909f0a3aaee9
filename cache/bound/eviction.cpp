#include "cache/bound/eviction.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace btfs {
namespace {

/// Of a small cache, a reader may look back into that part.
constexpr std::uint64_t kLooksBackShare = 8;

std::uint64_t distance(ByteRange piece, std::uint64_t position) {
    if (piece.end <= position) return position - piece.end;
    return piece.begin > position ? piece.begin - position : 0;
}

/// Worth of the piece to one reader; unread if it has nothing to do with it.
Worth worth_to(const ReaderDemand& reader, std::size_t rank, ByteRange piece, std::uint64_t last_used,
               std::uint64_t looks_back) {
    const auto touches = [&](const ByteRange& range) { return !range.intersection(piece).empty(); };
    const auto read = std::ranges::find_if(reader.blocked, touches);
    if (read != reader.blocked.end())
        return {Worth::Kind::waited_for,
                UINT64_MAX -
                    (std::uint64_t{rank} << 32 | static_cast<std::uint32_t>(read - reader.blocked.begin()))};
    const std::uint64_t position = reader.window.begin;
    if (std::ranges::any_of(reader.edges, touches)) return {Worth::Kind::ahead, UINT64_MAX};
    if (touches(reader.window)) return {Worth::Kind::ahead, UINT64_MAX - distance(piece, position)};
    if (std::ranges::any_of(reader.later, touches)) return {Worth::Kind::ahead, 0};
    if (reader.window.empty() || piece.end > position) return {Worth::Kind::unread, last_used};
    const std::uint64_t behind = position - piece.end;
    if (behind < looks_back) return {Worth::Kind::just_passed, last_used};
    if (behind < kLeftBehind) return {Worth::Kind::left_behind, UINT64_MAX - behind};
    return {Worth::Kind::unread, last_used};
}

/// As keep_least_worthy(), of what may go.
void keep_least(std::vector<EvictionCandidate>& candidates, std::uint64_t bytes) {
    const auto worth = [](const EvictionCandidate& candidate) { return candidate.worth; };
    // Halves the part that is looked at until its lesser half is enough.
    auto end = candidates.end();
    std::uint64_t wanted = bytes;
    auto begin = candidates.begin();
    while (end - begin > 1) {
        const auto middle = begin + (end - begin) / 2;
        std::ranges::nth_element(begin, middle, end, {}, worth);
        std::uint64_t lesser = 0;
        for (auto it = begin; it != middle; ++it) lesser += it->bytes_on_disk;
        if (lesser >= wanted) {
            end = middle;
        } else {
            wanted -= lesser;
            begin = middle;
        }
    }
    if (begin != end && wanted > 0) begin = end;
    candidates.erase(begin, candidates.end());
    std::ranges::sort(candidates, {}, worth);
}

/// Greatest for the read that is answered first.
std::pair<std::uint64_t, std::uint32_t> first_served(const EvictionCandidate& waited_for) {
    return {waited_for.worth.order, UINT32_MAX - waited_for.owner};
}

}  // namespace

std::uint64_t look_back_in(std::uint64_t limit) {
    return std::min(kLooksBack, limit / kLooksBackShare);
}

Worth worth_of(ByteRange piece, std::uint64_t last_used, bool pinned, std::span<const ReaderDemand> readers,
               std::uint64_t looks_back) {
    // A piece that one reader has left behind may be ahead of another: its worth is the greatest to any, but
    // to have been left behind is less than to be unread.
    std::optional<Worth> worth;
    for (std::size_t rank = 0; rank < readers.size(); ++rank) {
        const Worth to_reader = worth_to(readers[rank], rank, piece, last_used, looks_back);
        const bool says_nothing = to_reader.kind == Worth::Kind::unread;
        if (!says_nothing && (!worth || to_reader > *worth)) worth = to_reader;
    }
    if (!worth) worth = Worth{Worth::Kind::unread, last_used};
    if (pinned && worth->kind < Worth::Kind::pinned) return {Worth::Kind::pinned, last_used};
    return *worth;
}

void keep_least_worthy(std::vector<EvictionCandidate>& candidates, std::uint64_t bytes,
                       std::uint64_t urgent) {
    std::vector<EvictionCandidate> wanted, waited_for;
    std::erase_if(candidates, [&](const EvictionCandidate& candidate) {
        if (candidate.worth.kind < Worth::Kind::ahead) return false;
        (candidate.worth.kind == Worth::Kind::waited_for ? waited_for : wanted).push_back(candidate);
        return true;
    });
    std::uint64_t found = 0;
    const auto take = [&](std::vector<EvictionCandidate>& from, std::uint64_t needed) {
        keep_least(from, needed);
        for (const EvictionCandidate& candidate : from) found += candidate.bytes_on_disk;
    };
    take(candidates, bytes);
    for (std::vector<EvictionCandidate>* more : {&wanted, &waited_for}) {
        if (found >= urgent || more->empty()) continue;
        if (more == &waited_for) {
            const auto first = first_served(*std::ranges::max_element(waited_for, {}, first_served));
            std::erase_if(waited_for,
                          [&](const auto& candidate) { return first_served(candidate) == first; });
        }
        take(*more, urgent - found);
        candidates.insert(candidates.end(), more->begin(), more->end());
    }
}

}  // namespace btfs
