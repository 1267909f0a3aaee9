#include "cli/service/content_report.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

#include "engine/metainfo/metainfo.hpp"

namespace btfs::cli {
namespace {

bool has(const Pins& pins, std::uint32_t file) {
    const auto after = std::ranges::upper_bound(pins, file, {}, &FileRange::first);
    return after != pins.begin() && file <= std::prev(after)->last;
}

/// Returns the bytes of a range in pieces that are had.
std::uint64_t bytes_in_pieces(const Layout& layout, const Bitfield& pieces, ByteRange range) {
    if (range.empty()) return 0;
    std::uint64_t had = 0;
    const PieceIndex last = layout.piece_at(range.end - 1);
    for (PieceIndex piece = layout.piece_at(range.begin); piece.value() <= last.value();
         piece = piece.next()) {
        if (!pieces.test(piece)) continue;
        const ByteRange whole = layout.piece_range(piece);
        had += std::min(range.end, whole.end) - std::max(range.begin, whole.begin);
    }
    return had;
}

std::uint64_t left_of(const ServedTorrent& served, const Bitfield& pieces) {
    const Layout& layout = served.store->layout();
    std::uint64_t left = 0;
    for (const FileRange& pinned : served.pins)
        for (std::size_t i = pinned.first; i <= pinned.last && i < layout.files().size(); ++i) {
            const FileExtent& file = layout.files()[i];
            if (!file.pad) left += file.size - bytes_in_pieces(layout, pieces, file.range());
        }
    return left;
}

/// Returns the paths of the files that are listed. They are those of the mount, where `shown` tells them
/// apart: files without content have no place of their own.
std::vector<std::string> paths_of(const ServedTorrent& served, std::string_view name,
                                  std::vector<Filesystem::TorrentFile> shown,
                                  const std::vector<std::uint32_t>& listed) {
    const std::span<const FileExtent> files = served.store->layout().files();
    const auto is_same = [&](const Filesystem::TorrentFile& file, std::uint32_t i) {
        return file.size > 0 && file.size == files[i].size &&
               file.offset_in_torrent == files[i].offset_in_torrent;
    };
    std::vector<std::string> paths;
    if (std::ranges::equal(shown, listed, is_same)) {
        for (Filesystem::TorrentFile& file : shown) paths.push_back(std::move(file.path));
        return paths;
    }
    const auto metainfo = parse_info(*served.info);
    for (const std::uint32_t i : listed) {
        const std::string path = metainfo ? metainfo->files[i].path : std::string();
        paths.push_back(std::string(name) + path.substr(std::min(path.find('/'), path.size())));
    }
    return paths;
}

}  // namespace

std::vector<std::uint32_t> listed_files(const Layout& layout) {
    std::vector<std::uint32_t> listed;
    for (std::uint32_t i = 0; i < layout.files().size(); ++i)
        if (!layout.files()[i].pad) listed.push_back(i);
    return listed;
}

ContentReport content_of(const ServedTorrent& served, const Filesystem& filesystem) {
    const Layout& layout = served.store->layout();
    ContentReport report{.files = {}, .pieces = served.store->available(), .pinned_left = 0};
    report.pinned_left = left_of(served, report.pieces);
    const std::vector<std::uint32_t> listed = listed_files(layout);
    std::vector<std::string> paths =
        paths_of(served, filesystem.name_of(served.slot), filesystem.files(served.slot), listed);
    for (const std::uint32_t i : listed) {
        const FileExtent& extent = layout.files()[i];
        const ByteRange range = extent.range();
        ContentReport::File& file = report.files.emplace_back();
        file.path = std::move(paths[report.files.size() - 1]);
        file.size = extent.size;
        file.had = bytes_in_pieces(layout, report.pieces, range);
        file.first_piece = static_cast<std::uint32_t>(range.begin / layout.piece_length());
        file.end_piece = range.empty() ? file.first_piece : layout.piece_at(range.end - 1).value() + 1;
        file.pinned = has(served.pins, i);
    }
    return report;
}

std::uint64_t pinned_left_of(const ServedTorrent& served) {
    return left_of(served, served.store->available());
}

}  // namespace btfs::cli
