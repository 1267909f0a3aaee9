#include "engine/webseed/web_seed.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace btfs::webseed {
namespace {

constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();

/// The offer of a server without ranges is computed anew each time that so much of the file has come.
constexpr std::uint64_t kReachStep = SeedMemory::kMaxDiscard / 4;

/// Errors after which no request for the file can succeed.
bool is_hopeless(Error reason) {
    return reason == Errc::http_redirect_refused || reason == Errc::http_redirect_insecure ||
           reason == Errc::http_too_many_redirects || reason == Errc::http_bad_url;
}

}  // namespace

WebSeed::WebSeed(const Layout& layout, SeedMemory& memory,
                 std::function<std::uint64_t(std::uint64_t)> gap_end, TimePoint now, Protocol protocol)
    : layout_(layout),
      memory_(memory),
      gap_end_(std::move(gap_end)),
      offered_(layout.piece_count()),
      protocol_(protocol),
      max_lanes_(usual_lanes()) {
    for (std::uint32_t i = 0; i < layout_.piece_count(); ++i)
        if (memory_.offers(PieceIndex(i))) offered_.set(PieceIndex(i));
    resting_ = memory_.rests_until() > now;
}

// ---- blocks ----

void WebSeed::request(const BlockRef& ref) {
    const bool takes = !resting_ && !ended_ && offered_.test(ref.piece) && blocks_.size() < kMaxBlocks;
    if (!takes || by_ref_.contains(ref)) return actions_.push_back(BlockDenied{ref});
    const ByteRange in_torrent = range_of(layout_, ref);
    const std::vector<FilePart> parts = parts_of(layout_, in_torrent);
    if (parts.empty()) return actions_.push_back(BlockReady{ref, Bytes(ref.size)});
    for (const FilePart& part : parts) {
        const auto next = parts_.lower_bound(part.in_torrent.begin);
        const bool overlaps = (next != parts_.end() && next->first < part.in_torrent.end) ||
                              (next != parts_.begin() && std::prev(next)->second.end > part.in_torrent.begin);
        if (overlaps) return actions_.push_back(BlockDenied{ref});
    }
    const auto block = blocks_.insert(blocks_.end(), {ref, in_torrent, {}, parts.size()});
    by_ref_.emplace(ref, block);
    for (const FilePart& part : parts)
        parts_.emplace(part.in_torrent.begin,
                       Part{part.file, part.in_torrent.end, part.in_torrent.begin, block});
}

bool WebSeed::cancel(const BlockRef& ref) {
    const auto found = by_ref_.find(ref);
    if (found == by_ref_.end()) return false;
    take_parts_out(*found->second);
    blocks_.erase(found->second);
    by_ref_.erase(found);
    return true;
}

void WebSeed::take_parts_out(const Block& block) {
    parts_.erase(parts_.lower_bound(block.in_torrent.begin), parts_.lower_bound(block.in_torrent.end));
}

/// Copies the bytes that follow part.next; `at` is the offset in the torrent of the first byte.
void WebSeed::fill(Part& part, std::uint64_t at, ByteView bytes) {
    const std::uint64_t end = std::min(part.end, at + bytes.size());
    if (part.next < at || part.next >= end) return;
    Block& block = *part.block;
    if (block.data.empty()) block.data.resize(block.ref.size);  // what no file holds is zeros
    std::ranges::copy(bytes.subspan(part.next - at, end - part.next),
                      block.data.begin() + static_cast<std::ptrdiff_t>(part.next - block.in_torrent.begin));
    part.next = end;
    if (end == part.end) --block.parts_left;
}

void WebSeed::on_piece_failed(PieceIndex piece, TimePoint now) {
    const std::vector<FileIndex> files = memory_.on_piece_failed(piece);
    for (FileIndex file : files) distrust(file, Errc::web_seed_wrong_data, now);
    if (offered_.clear(piece)) actions_.push_back(PieceWithdrawn{piece});
    deny_unoffered();
    if (memory_.has_lied_too_often() && !std::exchange(ended_, true))
        actions_.push_back(Ended{Errc::web_seed_wrong_data});
    assign(now);
}

// ---- lanes ----

std::uint64_t WebSeed::wanted(LaneId id) const {
    const auto found = lanes_.find(id);
    if (found == lanes_.end() || found->second.state != LaneState::body) return 0;
    const Lane& lane = found->second;
    return lane.wanted_end > lane.position ? lane.wanted_end - lane.position : 0;
}

std::uint64_t WebSeed::worth_reading(LaneId id) const {
    const std::uint64_t most = std::min<std::uint64_t>(wanted(id), 2 * kBlockSize);
    if (most == 0) return 0;
    const std::uint64_t position = lanes_.at(id).position;
    auto part = parts_.upper_bound(position);
    if (part != parts_.begin() && std::prev(part)->second.end > position) --part;
    return part == parts_.end() ? most : std::min(most, part->second.end - position);
}

bool WebSeed::has_all(LaneId id) const {
    const auto found = lanes_.find(id);
    return found != lanes_.end() && found->second.state == LaneState::body &&
           found->second.position >= found->second.end;
}

std::uint64_t WebSeed::max_skip(const Lane& lane) const {
    return memory_.ignores_ranges(lane.file) ? SeedMemory::kMaxDiscard : kMaxSkip;
}

/// Finds how far the lane is to be read, and marks the parts that it will come to.
void WebSeed::extend(Lane& lane, TimePoint now) {
    std::uint64_t cursor = std::max(lane.position, lane.begin);
    lane.wanted_end = lane.position;
    auto part = parts_.upper_bound(cursor);
    if (part != parts_.begin() && std::prev(part)->second.end > cursor) --part;
    for (; part != parts_.end() && part->first < lane.end; ++part) {
        Part& p = part->second;
        if (p.next >= p.end || p.next < std::max(lane.position, lane.begin)) continue;
        if (p.next >= lane.end || p.next > cursor + max_skip(lane)) break;
        p.covered = true;
        cursor = std::min(p.end, lane.end);
        lane.wanted_end = cursor;
    }
    if (lane.draining) lane.wanted_end = lane.end;
    if (lane.state != LaneState::body) return;
    if (lane.wanted_end > lane.position) {
        if (lane.paused != kNever) lane.since = now;
        lane.paused = kNever;
    } else if (lane.paused == kNever) {
        lane.paused = now;
    }
}

/// Sees to it that a lane will come to each part that is asked for, as far as there are lanes.
void WebSeed::assign(TimePoint now) {
    if (resting_ || ended_) return;
    for (auto& [begin, part] : parts_) part.covered = false;
    for (auto& [id, lane] : lanes_)
        if (lane.state != LaneState::idle) extend(lane, now);
    const auto needs_no_lane = [](const auto& entry) {
        return entry.second.covered || entry.second.next >= entry.second.end;
    };
    if (std::ranges::all_of(parts_, needs_no_lane)) return;
    const bool cold = is_cold(now);
    bool first = true;
    std::vector<Blocks::iterator> out_of_reach;
    for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
        const auto end = parts_.lower_bound(block->in_torrent.end);
        for (auto part = parts_.lower_bound(block->in_torrent.begin); part != end; ++part) {
            const Part& p = part->second;
            if (p.covered || p.next >= p.end) continue;
            if (memory_.ignores_ranges(p.file) &&
                p.next - extent(p.file).offset_in_torrent > SeedMemory::kMaxDiscard) {
                out_of_reach.push_back(block);
                break;
            }
            if (cold && std::exchange(first, false)) split(part->first, now);
            if (!p.covered && !open_lane(p, kNoEnd, now)) break;
        }
    }
    // Their pieces are withdrawn, too: else they would be asked for again at once.
    for (const Blocks::iterator block : out_of_reach)
        if (offered_.clear(block->ref.piece)) actions_.push_back(PieceWithdrawn{block->ref.piece});
    if (!out_of_reach.empty()) deny_unoffered();
}

void WebSeed::deny(Blocks::iterator block) {
    actions_.push_back(BlockDenied{block->ref});
    take_parts_out(*block);
    by_ref_.erase(block->ref);
    blocks_.erase(block);
}

/// Returns a lane for a new request: one without a request, a new one, or one that is not read, whose
/// connection is closed. Null if all are busy.
WebSeed::Lane* WebSeed::lane_for(const Part& part, LaneId& id, TimePoint now) {
    for (auto& [known, lane] : lanes_) {
        if (lane.state != LaneState::idle) continue;
        id = known;
        return &lane;
    }
    if (lanes_.size() >= max_lanes_) {
        // The longest that is not read. A server without ranges would have to send another file from its
        // start again, so its lanes come last.
        const auto rank = [&](const Lane& lane) {
            const bool hard_to_replace = memory_.ignores_ranges(lane.file) && lane.file != part.file;
            return std::pair(hard_to_replace, lane.paused);
        };
        auto longest = lanes_.end();
        for (auto lane = lanes_.begin(); lane != lanes_.end(); ++lane) {
            const bool is_whole = lane->second.position >= lane->second.end;  // on_end() is about to follow
            if (lane->second.paused > now || is_whole) continue;
            if (longest == lanes_.end() || rank(lane->second) < rank(longest->second)) longest = lane;
        }
        if (longest == lanes_.end()) return nullptr;
        close(longest->first);
    }
    id = next_lane_++;
    return &lanes_[id];
}

/// True if no lane is read or about to be, and no connection has sent anything lately.
bool WebSeed::is_cold(TimePoint now) const {
    return std::ranges::none_of(lanes_, [&](const auto& entry) {
        const Lane& lane = entry.second;
        return lane.state == LaneState::idle ? now < lane.since + kWarmFor : lane.wanted_end > lane.position;
    });
}

/// Opens lanes for the first stripes of what is asked for of the piece there. What is left goes to the lane
/// that is opened next, and goes on behind the piece.
void WebSeed::split(std::uint64_t begin, TimePoint now) {
    const std::uint64_t piece_end = layout_.piece_range(layout_.piece_at(begin)).end;
    std::vector<std::uint64_t> parts;  // their begins, one behind the other in one file
    std::uint64_t end = begin;
    const FileIndex file = parts_.at(begin).file;
    for (auto part = parts_.find(begin); part != parts_.end() && part->first < piece_end; ++part) {
        const Part& p = part->second;
        if (p.file != file || p.covered || p.next != part->first || (part->first != end)) break;
        parts.push_back(part->first);
        end = p.end;
    }
    const auto idle = static_cast<std::size_t>(std::ranges::count_if(
        lanes_, [](const auto& entry) { return entry.second.state == LaneState::idle; }));
    const std::size_t free = idle + (max_lanes_ > lanes_.size() ? max_lanes_ - lanes_.size() : 0);
    const auto stripes = std::min<std::uint64_t>(free, (end - begin) / kLeastStripe);
    if (stripes < 2 || memory_.ignores_ranges(file)) return;
    const std::uint64_t stripe = (end - begin) / stripes;
    std::uint64_t from = begin;
    for (std::uint64_t i = 1; i < stripes; ++i) {
        const std::uint64_t to = *std::ranges::lower_bound(parts, begin + i * stripe);
        if (!open_lane(parts_.at(from), to, now)) return;
        from = to;
    }
    open_lane(parts_.at(from), kNoEnd, now);
}

bool WebSeed::open_lane(const Part& part, std::uint64_t most_end, TimePoint now) {
    const std::uint64_t begin = part.next;
    LaneId id = 0;
    Lane* lane = lane_for(part, id, now);
    if (!lane) return false;
    const ByteRange file = extent(part.file).range();
    *lane = Lane{};
    lane->state = LaneState::asked;
    lane->file = part.file;
    lane->begin = lane->position = begin;
    lane->end = std::min({file.end, std::max(part.end, gap_end_(begin)), most_end});
    if (protocol_ == Protocol::pieces)
        lane->end = std::min(lane->end, layout_.piece_range(layout_.piece_at(begin)).end);
    lane->since = now;
    actions_.push_back(Fetch{id, part.file, {begin - file.begin, lane->end - file.begin}});
    extend(*lane, now);
    return true;
}

void WebSeed::close(LaneId id) {
    const auto lane = lanes_.find(id);
    if (lane == lanes_.end()) return;
    const FileIndex file = lane->second.file;
    const bool was_read = lane->second.state != LaneState::idle;
    lanes_.erase(lane);
    actions_.push_back(CloseLane{id});
    if (was_read && memory_.ignores_ranges(file)) update_reach(file);
}

void WebSeed::on_reply(LaneId id, const ReplyHead& head, TimePoint now) {
    const auto found = lanes_.find(id);
    if (found == lanes_.end() || found->second.state != LaneState::asked) return;
    Lane& lane = found->second;
    const FileIndex file = lane.file;
    const ByteRange whole = extent(file).range();
    const ByteRange asked{lane.begin - whole.begin, lane.end - whole.begin};
    const bool by_pieces = protocol_ == Protocol::pieces;
    const Verdict verdict = by_pieces ? judge_piece(head, asked) : judge(head, asked, whole.size());
    switch (verdict.kind) {
        case Verdict::Kind::bad:
            close(id);
            return distrust(file, Errc::web_seed_wrong_file, now);
        case Verdict::Kind::later:
            if (by_pieces && head.status == 503 && verdict.retry_after)
                return wait_as_told(id, *verdict.retry_after, now);
            return fail(id, Errc::http_status, verdict.retry_after, now);
        case Verdict::Kind::whole:
        case Verdict::Kind::body:
            break;
    }
    lane.state = LaneState::body;
    lane.position = whole.begin + verdict.in_file.begin;
    lane.end = whole.begin + verdict.in_file.end;
    lane.brings_little = verdict.in_file.end < asked.end && verdict.in_file.size() < kLeastProgress;
    lane.since = now;
    if (verdict.kind == Verdict::Kind::whole && asked.size() < whole.size()) {
        // One such body serves all that is asked for of the file.
        lane.begin = lane.position;
        std::vector<LaneId> others;
        for (const auto& [other, its] : lanes_)
            if (other != id && its.file == file && its.state == LaneState::asked) others.push_back(other);
        for (LaneId other : others) close(other);
        if (asked.begin > SeedMemory::kMaxDiscard) close(id);
        update_reach(file);
        deny_unoffered();
    }
    assign(now);
}

void WebSeed::on_body(LaneId id, ByteView bytes, TimePoint now) {
    const auto found = lanes_.find(id);
    if (found == lanes_.end() || found->second.state != LaneState::body) return;
    Lane& lane = found->second;
    lane.since = now;
    const std::uint64_t at = lane.position;
    lane.position += bytes.size();
    auto part = parts_.upper_bound(at);
    if (part != parts_.begin()) --part;
    std::vector<Blocks::iterator> whole;
    for (; part != parts_.end() && part->first < lane.position; ++part) {
        Part& p = part->second;
        if (p.end <= at || p.next >= p.end) continue;
        const std::uint64_t before = p.next;
        fill(p, at, bytes);
        lane.useful += p.next - before;
        if (p.block->parts_left == 0 && p.next >= p.end) whole.push_back(p.block);
    }
    if (!whole.empty() || lane.useful >= kLeastProgress) memory_.on_success(lane.file);
    for (const Blocks::iterator block : whole) {
        take_parts_out(*block);
        by_ref_.erase(block->ref);
        actions_.push_back(BlockReady{block->ref, std::move(block->data)});
        blocks_.erase(block);
    }
    const bool far = at / kReachStep != lane.position / kReachStep;
    if (far && memory_.ignores_ranges(lane.file)) update_reach(lane.file);
    // While the lane has more to read, it comes to the same parts as before.
    if (far || lane.draining || lane.position >= lane.wanted_end) assign(now);
}

void WebSeed::on_end(LaneId id, bool keeps, TimePoint now) {
    const auto found = lanes_.find(id);
    if (found == lanes_.end()) return;
    Lane& lane = found->second;
    if (lane.state == LaneState::body && (lane.position < lane.end || lane.brings_little))
        return on_failed(id, Errc::connection_closed, now);
    if (keeps && lane.state == LaneState::body) {
        const FileIndex file = lane.file;
        lane = Lane{};
        lane.file = file;
        lane.since = now;
        if (memory_.ignores_ranges(file)) update_reach(file);
    } else {
        close(id);
    }
    assign(now);
}

void WebSeed::on_failed(LaneId id, Error reason, TimePoint now) {
    const auto found = lanes_.find(id);
    if (found == lanes_.end()) return;
    const Lane& lane = found->second;
    const FileIndex file = lane.file;
    if (lane.state == LaneState::idle) return close(id);
    if (lane.useful >= kLeastProgress) {  // it broke off: the rest is asked for again
        close(id);
        return assign(now);
    }
    if (reason == Errc::web_seed_busy) {
        close(id);
        if (const std::size_t others = lanes_at_work(); others > 0) {
            max_lanes_ = others;
            return assign(now);
        }
        return rest(reason, memory_.rest_for(SeedMemory::kFirstRest, now), now);
    }
    if (is_hopeless(reason)) {
        close(id);
        return distrust(file, reason, now);
    }
    if (reason == Errc::http_local_refused) {
        close(id);
        memory_.give_up();
        if (!std::exchange(ended_, true)) actions_.push_back(Ended{reason});
        return;
    }
    fail(id, reason, std::nullopt, now);
}

/// Those whose request is under way, and read.
std::size_t WebSeed::lanes_at_work() const {
    return static_cast<std::size_t>(std::ranges::count_if(lanes_, [](const auto& entry) {
        return entry.second.state != LaneState::idle && entry.second.paused == kNever;
    }));
}

/// One request has failed. While there are others the server has enough of them; else the seed rests.
void WebSeed::fail(LaneId id, Error reason, std::optional<Duration> retry_after, TimePoint now) {
    const FileIndex file = lanes_.at(id).file;
    close(id);
    if (const std::size_t others = lanes_at_work(); others > 0) {
        max_lanes_ = others;
        return assign(now);
    }
    memory_.forget_place(file);
    const bool served = memory_.serves(file);
    const TimePoint until = memory_.on_failure(file, retry_after, now);
    if (served && !memory_.serves(file)) distrust(file, reason, now);
    rest(reason, until, now);
}

/// An HTTP seed that has sent enough for now says when it will send more: that is no failure.
void WebSeed::wait_as_told(LaneId id, Duration time, TimePoint now) {
    close(id);
    time = std::clamp<Duration>(time, SeedMemory::kFirstRest, SeedMemory::kLongestRetryAfter);
    rest(Errc::web_seed_waits, memory_.rest_for(time, now), now);
}

void WebSeed::rest(Error reason, TimePoint until, TimePoint now) {
    if (ended_) return;
    resting_ = true;
    actions_.push_back(Rested{reason, until - now});
    for (const Block& block : blocks_) actions_.push_back(BlockDenied{block.ref});
    blocks_.clear();
    by_ref_.clear();
    parts_.clear();
    while (!lanes_.empty()) close(lanes_.begin()->first);
    max_lanes_ = usual_lanes();
}

// ---- files that are not what they should be ----

void WebSeed::distrust(FileIndex file, Error reason, TimePoint now) {
    memory_.distrust(file);
    actions_.push_back(FileDistrusted{file, reason});
    if (!memory_.serves_anything()) {
        if (!std::exchange(ended_, true)) actions_.push_back(Ended{reason});
        return;
    }
    std::vector<LaneId> of_file;
    for (const auto& [id, lane] : lanes_)
        if (lane.state != LaneState::idle && lane.file == file) of_file.push_back(id);
    for (LaneId id : of_file) close(id);
    reconsider(file);
    deny_unoffered();
    assign(now);
}

/// Tells which pieces of the file are offered now and were not, and the other way round.
void WebSeed::reconsider(FileIndex file) {
    const ByteRange range = extent(file).range();
    if (range.empty()) return;
    std::size_t lost = 0;
    const PieceIndex last = layout_.piece_at(range.end - 1);
    for (PieceIndex piece = layout_.piece_at(range.begin); piece <= last; piece = piece.next()) {
        const bool offers = memory_.offers(piece);
        if (offers == offered_.test(piece)) continue;
        if (offers) {
            offered_.set(piece);
            actions_.push_back(PieceOffered{piece});
        } else {
            offered_.clear(piece);
            if (++lost <= kMaxToldPieces) actions_.push_back(PieceWithdrawn{piece});
        }
    }
    if (lost > kMaxToldPieces && !std::exchange(ended_, true))
        actions_.push_back(Ended{Errc::peer_out_of_date});
}

/// Of a server without ranges, what lies not far before its lanes can be had, and the piece that a lane is
/// in.
void WebSeed::update_reach(FileIndex file) {
    const std::uint64_t begin = extent(file).offset_in_torrent;
    ByteRange reach;
    for (const auto& [id, lane] : lanes_) {
        if (lane.state != LaneState::body || lane.file != file || lane.position - begin < reach.end) continue;
        const std::uint64_t position = lane.position - begin;
        reach = {position - std::min<std::uint64_t>(position, layout_.piece_length()),
                 position + SeedMemory::kMaxDiscard};
    }
    memory_.set_reach(file, reach);
    reconsider(file);
}

void WebSeed::deny_unoffered() {
    for (auto block = blocks_.begin(); block != blocks_.end();) {
        const auto next = std::next(block);
        if (!offered_.test(block->ref.piece)) deny(block);
        block = next;
    }
}

// ---- time ----

TimePoint WebSeed::timeout_of(const Lane& lane) const {
    if (lane.state == LaneState::idle) return lane.since + kIdleFor;
    if (lane.state == LaneState::asked) return lane.since + kReplyTimeout;
    if (lane.paused == kNever) return lane.since + kStallTimeout;
    return lane.paused + (memory_.ignores_ranges(lane.file) ? kPausedWithoutRangesFor : kPausedFor);
}

TimePoint WebSeed::next_timeout() const {
    if (ended_) return kNever;
    TimePoint next = resting_ ? memory_.rests_until() : kNever;
    for (const auto& [id, lane] : lanes_) next = std::min(next, timeout_of(lane));
    return next;
}

void WebSeed::handle_timeout(TimePoint now) {
    if (ended_) return;
    if (resting_ && now >= memory_.rests_until()) {
        resting_ = false;
        actions_.push_back(Resumed{});
    }
    std::vector<LaneId> due;
    for (const auto& [id, lane] : lanes_)
        if (now >= timeout_of(lane)) due.push_back(id);
    for (LaneId id : due) {
        const auto found = lanes_.find(id);
        if (found == lanes_.end()) continue;
        Lane& lane = found->second;
        if (lane.state == LaneState::body && lane.paused != kNever) {
            if (lane.end - lane.position <= kMaxDrain && !lane.draining) {
                lane.draining = true;
                extend(lane, now);
            } else {
                close(id);
            }
        } else if (lane.state == LaneState::idle || lane.draining) {
            close(id);
        } else {
            on_failed(id, Errc::timed_out, now);
        }
    }
    assign(now);
}

}  // namespace btfs::webseed
