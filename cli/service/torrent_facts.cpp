#include "cli/service/torrent_facts.hpp"

#include <algorithm>

#include "engine/metainfo/utf8.hpp"

namespace btfs::cli {

void TorrentFacts::take(const Metainfo& metainfo) {
    size = metainfo.layout.total_size();
    piece_length = metainfo.layout.piece_length();
    piece_count = metainfo.layout.piece_count();
    file_count =
        static_cast<std::uint32_t>(std::ranges::count(metainfo.layout.files(), false, &FileExtent::pad));
    is_private = metainfo.is_private;
    created = metainfo.creation_date.value_or(0);
    comment = utf8_prefix(metainfo.comment, kMaxText);
    creator = utf8_prefix(metainfo.created_by, kMaxText);
    source = utf8_prefix(metainfo.source, kMaxText);
}

}  // namespace btfs::cli
