#include "cache/adopted/adopted_files.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

namespace btfs {
namespace {

constexpr OpenHow kToAdopt{.follow_links = false, .follow_folder_links = false, .keep_access_time = true};
constexpr std::string_view kUnfinished[] = {".part", ".!qB"};

/// Joins stretches of bytes, given in order, and sets the pieces that they cover.
class CoveredPieces {
  public:
    CoveredPieces(const Layout& layout, Bitfield& pieces) : layout_(layout), pieces_(pieces) {}
    ~CoveredPieces() { end_run(); }
    CoveredPieces(const CoveredPieces&) = delete;
    CoveredPieces& operator=(const CoveredPieces&) = delete;

    void add(ByteRange range_in_torrent) {
        if (range_in_torrent.empty()) return;
        if (range_in_torrent.begin != run_.end) {
            end_run();
            run_.begin = range_in_torrent.begin;
        }
        run_.end = range_in_torrent.end;
    }

  private:
    void end_run() {
        if (run_.empty()) return;
        PieceIndex piece(units_for(run_.begin, layout_.piece_length()));
        for (; piece.value() < layout_.piece_count(); piece = piece.next()) {
            if (layout_.piece_range(piece).end > run_.end) break;
            pieces_.set(piece);
        }
    }

    const Layout& layout_;
    Bitfield& pieces_;
    ByteRange run_;
};

/// A time as the kernel's clock of files has it.
Duration since_1970(const timespec& time) {
    return std::chrono::duration_cast<Duration>(std::chrono::seconds(time.tv_sec) +
                                                std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace

AdoptedFiles::AdoptedFiles(Place place, const Layout& layout, std::vector<std::string> names)
    : place_(std::move(place)),
      layout_(layout),
      names_(std::move(names)),
      tree_(layout_, *place_.folder, kToAdopt, FileTree::Watch::everything),
      pieces_{Bitfield(layout_.piece_count()), Bitfield(layout_.piece_count())} {}

std::unique_ptr<AdoptedFiles> AdoptedFiles::find(Place place, const Layout& layout,
                                                 std::vector<std::string> names) {
    std::unique_ptr<AdoptedFiles> found(new AdoptedFiles(std::move(place), layout, std::move(names)));
    if (found->names_.empty()) return nullptr;
    const bool any = found->survey(0, found->names_.size() - 1, {}, found->pieces_);
    return any ? std::move(found) : nullptr;
}

/// Looks at the files first to last and sets the pieces that they cover. Reads expect them from now on as
/// they are, or `only` one of them. Returns true if any is there.
bool AdoptedFiles::survey(std::size_t first, std::size_t last, std::optional<std::size_t> only,
                          Pieces& pieces) {
    CoveredPieces there(layout_, pieces.there), complete(layout_, pieces.complete);
    bool any = false;
    for (std::size_t i = first; i <= last; ++i) {
        const FileExtent& extent = layout_.files()[i];
        if (extent.pad) {
            there.add(extent.range());
            complete.add(extent.range());
        } else if (extent.size > 0) {
            Found found = look(i);
            any = any || found.seen;
            for (const ByteRange& part : found.data)
                there.add({extent.offset_in_torrent + part.begin, extent.offset_in_torrent + part.end});
            if (found.complete) complete.add(extent.range());
            if (!only || *only == i) tree_.set_seen(i, std::move(found.seen));
        }
    }
    return any;
}

AdoptedFiles::Found AdoptedFiles::look(std::size_t file) const {
    if (names_[file].empty()) return {};
    const std::uint64_t size = layout_.files()[file].size;
    Found found = look_at(names_[file], size);
    if (found.seen) return found;
    for (const std::string_view suffix : kUnfinished) {
        found = look_at(names_[file] + std::string(suffix), size);
        found.complete = false;
        if (found.seen) return found;
    }
    return {};
}

/// A file that cannot be opened, or looked at, counts as one that is not there.
AdoptedFiles::Found AdoptedFiles::look_at(const std::string& name, std::uint64_t size) const {
    auto file = place_.folder->open(name, kToAdopt);
    if (!file) return {};
    // The status is asked for first: what changes after that is seen when the file is read.
    const Result<FileStatus> status = (*file)->status();
    if (!status || status->size == 0) return {};
    auto data = data_extents(**file, std::min(status->size, size), kMaxExtents);
    if (!data) return {};
    Found found{std::make_shared<FileTree::Seen>(FileTree::Seen{name, *status}), std::move(*data), false};
    found.complete = !place_.unfinished && status->size == size && found.data.size() == 1 &&
                     found.data.front() == ByteRange{0, size};
    return found;
}

AdoptedFiles::Pieces AdoptedFiles::look_again(std::size_t file) {
    Pieces pieces{Bitfield(layout_.piece_count()), Bitfield(layout_.piece_count())};
    const PieceSpan span = pieces_of(file);
    // The neighbours hold the rest of the first and of the last piece.
    const std::uint64_t last_byte = layout_.piece_range(span.last).end - 1;
    survey(layout_.file_at(layout_.piece_offset_in_torrent(span.first)).value(),
           layout_.file_at(last_byte).value(), file, pieces);
    return pieces;
}

AdoptedFiles::PieceSpan AdoptedFiles::pieces_of(std::size_t file) const {
    const ByteRange range = layout_.files()[file].range();
    return {layout_.piece_at(range.begin), layout_.piece_at(range.end - 1)};
}

bool AdoptedFiles::settled(ByteRange range) const {
    const Duration now =
        std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch());
    bool settled = true;
    tree_.each_file(range, [&](std::size_t file, ByteRange) {
        const FileTree::SeenPtr seen = tree_.seen(file);
        if (!seen) return true;
        for (const timespec& time : {seen->status.modified, seen->status.changed})
            settled = settled && std::chrono::abs(now - since_1970(time)) >= place_.settles;
        return settled;
    });
    return settled;
}

bool AdoptedFiles::first_complaint_of(std::size_t file) {
    std::lock_guard lock(mutex_);
    return complained_of_.insert(file).second;
}

}  // namespace btfs
