#include "engine/webseed/seed_memory.hpp"

#include <algorithm>

#include "engine/webseed/range_plan.hpp"

namespace btfs::webseed {

SeedMemory::SeedMemory(const Layout& layout) : layout_(layout) {
    content_files_ = static_cast<std::size_t>(std::ranges::count_if(
        layout.files(), [](const FileExtent& file) { return file.size > 0 && !file.pad; }));
}

bool SeedMemory::offers(PieceIndex piece) const {
    if (failed_pieces_.contains(piece)) return false;
    if (distrusted_.empty() && reach_.empty()) return true;
    return std::ranges::all_of(parts_of(layout_, layout_.piece_range(piece)), [&](const FilePart& part) {
        if (!serves(part.file)) return false;
        const auto reach = reach_.find(part.file);
        const std::uint64_t file_begin = layout_.files()[part.file.value()].offset_in_torrent;
        if (reach == reach_.end() || part.in_torrent.end - file_begin <= kMaxDiscard) return true;
        return part.in_torrent.begin - file_begin >= reach->second.begin &&
               part.in_torrent.end - file_begin <= reach->second.end;
    });
}

std::vector<FileIndex> SeedMemory::on_piece_failed(PieceIndex piece) {
    const std::vector<FilePart> parts = parts_of(layout_, layout_.piece_range(piece));
    // Pieces that were under way when the first one of their file failed say nothing new.
    const auto is_distrusted = [&](const FilePart& part) { return !serves(part.file); };
    if (std::ranges::any_of(parts, is_distrusted)) return {};
    failed_pieces_.insert(piece);
    if (parts.size() != 1) return {};
    distrust(parts.front().file);
    return {parts.front().file};
}

const SeedMemory::Place* SeedMemory::place_of(FileIndex file) const {
    const auto found = places_.find(file);
    return found == places_.end() ? nullptr : &found->second;
}

void SeedMemory::set_place(FileIndex file, Place place) {
    places_.insert_or_assign(file, std::move(place));
    if (places_.size() > kMaxRedirects)
        places_.erase(places_.begin()->first == file ? std::next(places_.begin()) : places_.begin());
}

void SeedMemory::on_success(FileIndex file) {
    failures_ = 0;
    file_failures_.erase(file);
}

TimePoint SeedMemory::on_failure(FileIndex file, std::optional<Duration> retry_after, TimePoint now) {
    const Duration rest = std::min<Duration>(kLongestRest, kFirstRest * (1 << std::min(failures_, 20u)));
    ++failures_;
    rests_until_ = now + std::max(rest, std::min(retry_after.value_or(Duration{}), kLongestRetryAfter));
    if (++file_failures_[file] >= kMaxFileFailures) distrust(file);
    return rests_until_;
}

}  // namespace btfs::webseed
