// URLs of a torrent's pieces at an HTTP seed (BEP 17).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/core/hash.hpp"
#include "engine/core/layout.hpp"

namespace btfs::webseed {

/// Builds the URL of a range of a piece. The server knows the torrent by its v1 hash, and finds the files by
/// itself.
class PieceUrls {
  public:
    /// `layout` outlives this.
    PieceUrls(std::string_view seed_url, const Sha1Digest& info_hash, const Layout& layout);

    /// The URL as the torrent has it.
    const std::string& seed_url() const { return seed_url_; }
    /// `in_torrent` is not empty, and lies within one piece. A whole piece is asked for without a range.
    std::string url(ByteRange in_torrent) const;

  private:
    std::string seed_url_;
    std::string base_;  ///< up to the number of the piece
    const Layout& layout_;
};

/// The torrent as one file, as an HTTP seed sees it. Nothing if the seed's pieces would not be ours: those
/// with pad files, which servers know or know not, and those that BEP 52 cuts.
std::optional<Layout> layout_without_files(const Layout& layout);

}  // namespace btfs::webseed
