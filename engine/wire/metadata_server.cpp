#include "engine/wire/metadata_server.hpp"

#include <algorithm>

#include "engine/wire/metadata_message.hpp"

namespace btfs::wire {

std::optional<std::uint32_t> MetadataServer::size() const {
    if (!info_) return std::nullopt;
    return static_cast<std::uint32_t>(info_->size());
}

std::optional<Bytes> MetadataServer::answer(std::uint32_t piece, std::size_t backlog) const {
    if (backlog > 2 * kMaxBacklog) return std::nullopt;
    const std::uint64_t begin = std::uint64_t{piece} * kMetadataPieceSize;
    if (backlog > kMaxBacklog || !info_ || begin >= info_->size()) return encode(MetadataReject{piece});
    const ByteView rest = ByteView(*info_).subspan(begin);
    return encode(MetadataData{piece, static_cast<std::uint32_t>(info_->size()),
                               rest.first(std::min<std::size_t>(rest.size(), kMetadataPieceSize))});
}

}  // namespace btfs::wire
