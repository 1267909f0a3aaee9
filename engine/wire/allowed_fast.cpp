#include "engine/wire/allowed_fast.hpp"

#include <algorithm>
#include <array>

namespace btfs::wire {

std::vector<PieceIndex> allowed_fast_set(const Address& peer, const Sha1Digest& info_hash,
                                         std::uint32_t piece_count, std::size_t count) {
    std::vector<PieceIndex> pieces;
    if (!peer.is_v4() || piece_count == 0) return pieces;
    count = std::min<std::size_t>(count, piece_count);

    std::array<std::byte, 4 + Sha1Digest::kSize> seed{};
    std::ranges::copy(peer.bytes().first(3), seed.begin());  // the address's /24
    std::ranges::copy(info_hash.bytes, seed.begin() + 4);
    Sha1Digest hash = sha1(seed);
    while (pieces.size() < count) {
        for (std::size_t at = 0; at < Sha1Digest::kSize && pieces.size() < count; at += 4) {
            const PieceIndex piece(load_big_endian<std::uint32_t>(hash.bytes.data() + at) % piece_count);
            if (std::ranges::find(pieces, piece) == pieces.end()) pieces.push_back(piece);
        }
        hash = sha1(hash.view());
    }
    return pieces;
}

}  // namespace btfs::wire
