#include "engine/webseed/range_plan.hpp"

namespace btfs::webseed {

ByteRange range_of(const Layout& layout, const BlockRef& block) {
    const std::uint64_t begin = layout.piece_offset_in_torrent(block.piece) + block.offset_in_piece;
    return {begin, begin + block.size};
}

std::vector<FilePart> parts_of(const Layout& layout, ByteRange in_torrent) {
    std::vector<FilePart> parts;
    if (in_torrent.empty() || in_torrent.begin >= layout.total_size()) return parts;
    for (FileIndex file = layout.file_at(in_torrent.begin); file.value() < layout.files().size();
         file = file.next()) {
        const FileExtent& extent = layout.files()[file.value()];
        if (extent.offset_in_torrent >= in_torrent.end) break;
        const ByteRange common = extent.range().intersection(in_torrent);
        if (!common.empty() && !extent.pad) parts.push_back({file, common});
    }
    return parts;
}

}  // namespace btfs::webseed
