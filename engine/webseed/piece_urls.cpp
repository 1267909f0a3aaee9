#include "engine/webseed/piece_urls.hpp"

#include <cassert>

#include "engine/core/hex.hpp"

namespace btfs::webseed {

PieceUrls::PieceUrls(std::string_view seed_url, const Sha1Digest& info_hash, const Layout& layout)
    : seed_url_(seed_url), base_(seed_url_.substr(0, seed_url_.find('#'))), layout_(layout) {
    base_ += base_.find('?') == std::string::npos ? '?' : '&';
    base_ += "info_hash=";
    for (const std::byte byte : info_hash.bytes) base_ += percent_encoded(byte);
    base_ += "&piece=";
}

std::string PieceUrls::url(ByteRange in_torrent) const {
    const PieceIndex piece = layout_.piece_at(in_torrent.begin);
    const ByteRange whole = layout_.piece_range(piece);
    assert(!in_torrent.empty() && in_torrent.end <= whole.end);
    std::string text = base_ + std::to_string(piece.value());
    if (in_torrent != whole)
        text += "&ranges=" + std::to_string(in_torrent.begin - whole.begin) + '-' +
                std::to_string(in_torrent.end - whole.begin - 1);
    return text;
}

std::optional<Layout> layout_without_files(const Layout& layout) {
    if (layout.has_padding()) return std::nullopt;
    Layout whole(layout.piece_length(), {{0, layout.total_size(), false}});
    for (std::uint32_t i = 0; i < layout.piece_count(); ++i)
        if (whole.piece_size(PieceIndex(i)) != layout.piece_size(PieceIndex(i))) return std::nullopt;
    return whole;
}

}  // namespace btfs::webseed
