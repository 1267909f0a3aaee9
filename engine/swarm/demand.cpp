#include "engine/swarm/demand.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace btfs {

Demand::Demand(const Layout& layout, std::function<Offer(PieceIndex)> offer_of)
    : layout_(layout), offer_of_(std::move(offer_of)) {}

Demand::Span Demand::pieces_of(ByteRange range) const {
    range.end = std::min(range.end, layout_.total_size());
    if (range.empty()) return {};
    return {layout_.piece_at(range.begin).value(), layout_.piece_at(range.end - 1).value() + 1};
}

void Demand::set_reader(ReaderId id, const ReaderDemand& demand, TimePoint now) {
    Reader& reader = readers_[id];
    if (std::exchange(reader.may_trade, demand.may_trade) != demand.may_trade) {
        for (PieceIndex index_of_piece : reader.blocked) {
            Piece& piece = pieces_.at(index_of_piece);
            unindex(piece);
            index(piece);
        }
    }
    set_pieces(id, Rank::blocked, reader.blocked, demand.blocked, now);
    set_pieces(id, Rank::edge, reader.edges, demand.edges, now);
    set_pieces(id, Rank::later, reader.later, demand.later, now);
    move_window(id, reader, demand, now);
}

void Demand::set_pieces(ReaderId id, Rank rank, std::set<PieceIndex>& old,
                        const std::vector<ByteRange>& ranges, TimePoint now) {
    std::set<PieceIndex> pieces;
    for (const ByteRange& range : ranges) {
        const Span span = pieces_of(range);
        for (std::uint32_t i = span.begin; i < span.end; ++i) pieces.insert(PieceIndex(i));
    }
    for (PieceIndex piece : old)
        if (!pieces.contains(piece)) remove(id, rank, piece);
    for (PieceIndex piece : pieces)
        if (!old.contains(piece)) add(id, {rank, now, piece});
    old = std::move(pieces);
}

void Demand::move_window(ReaderId id, Reader& reader, const ReaderDemand& demand, TimePoint now) {
    const Span old = reader.window, next = pieces_of(demand.window);
    for (std::uint32_t i = old.begin; i < old.end; ++i)
        if (!next.contains(i)) remove(id, Rank::window, PieceIndex(i));
    if (old.end != next.begin && !next.contains(old.end) && !old.contains(next.begin)) reader.last_due = now;

    for (std::uint32_t i = next.begin; i < next.end; ++i) {
        if (old.contains(i)) continue;
        TimePoint due = now;
        if (demand.bytes_per_second > 0) {
            const std::uint64_t piece_begin = layout_.piece_offset_in_torrent(PieceIndex(i));
            const std::uint64_t distance = piece_begin - std::min(piece_begin, demand.window.begin);
            due += from_seconds(static_cast<double>(distance) / static_cast<double>(demand.bytes_per_second));
        }
        if (i >= old.end) due = reader.last_due = std::max(due, reader.last_due);  // deadlines never decrease
        add(id, {Rank::window, due, PieceIndex(i)});
    }
    reader.window = next;
}

void Demand::drop_reader(ReaderId id) {
    auto found = readers_.find(id);
    if (found == readers_.end()) return;
    set_reader(id, {}, {});
    readers_.erase(found);
}

void Demand::add(ReaderId reader, const Deadline& deadline) {
    auto [at, added] = pieces_.try_emplace(deadline.piece);
    Piece& piece = at->second;
    if (added) {
        piece.offer = offer_of_(deadline.piece);
    } else {
        unindex(piece);
    }
    piece.wants.push_back({reader, deadline});
    index(piece);
}

void Demand::remove(ReaderId reader, Rank rank, PieceIndex index_of_piece) {
    auto found = pieces_.find(index_of_piece);
    assert(found != pieces_.end());
    Piece& piece = found->second;
    unindex(piece);
    std::erase_if(piece.wants, [&](const Want& w) { return w.reader == reader && w.deadline.rank == rank; });
    if (piece.wants.empty()) {
        pieces_.erase(found);
    } else {
        index(piece);
    }
}

void Demand::index(Piece& piece) {
    piece.key = std::ranges::min(piece.wants, {}, &Want::deadline).deadline;
    if (piece.offer == Offer::open) open_.insert(piece.key);
    if (piece.offer == Offer::had || piece.key.rank != Rank::blocked) return;
    blocked_.insert(piece.key);
    for (const auto& [reader, deadline] : piece.wants) {
        if (deadline.rank != Rank::blocked || !readers_.at(reader).may_trade) continue;
        if (!piece.trader_key || deadline < *piece.trader_key) piece.trader_key = deadline;
    }
    if (piece.trader_key) blocked_traders_.insert(*piece.trader_key);
}

void Demand::unindex(Piece& piece) {
    open_.erase(piece.key);
    blocked_.erase(piece.key);
    if (piece.trader_key) blocked_traders_.erase(*piece.trader_key);
    piece.trader_key.reset();
}

bool Demand::set_offer(PieceIndex index_of_piece, Offer offer) {
    auto found = pieces_.find(index_of_piece);
    if (found == pieces_.end() || found->second.offer == offer) return false;
    unindex(found->second);
    found->second.offer = offer;
    index(found->second);
    return true;
}

bool Demand::is_blocked_on(PieceIndex piece) const {
    auto found = pieces_.find(piece);
    return found != pieces_.end() && found->second.key.rank == Rank::blocked;
}

std::vector<ReaderId> Demand::blocked_on(PieceIndex piece) const {
    std::vector<ReaderId> readers;
    const auto found = pieces_.find(piece);
    if (found == pieces_.end()) return readers;
    for (const Want& want : found->second.wants)
        if (want.deadline.rank == Rank::blocked) readers.push_back(want.reader);
    return readers;
}

bool Demand::is_due_by(TimePoint time, PieceIndex piece) const {
    auto found = pieces_.find(piece);
    if (found == pieces_.end() || found->second.key.rank == Rank::later) return false;
    return found->second.key.rank != Rank::window || found->second.key.due <= time;
}

PieceIndex Demand::beyond_windows() const {
    std::uint32_t furthest = 0;
    for (const auto& [id, reader] : readers_) furthest = std::max(furthest, reader.window.end);
    return PieceIndex(furthest);
}

}  // namespace btfs
