#include "engine/swarm/smart_ban.hpp"

namespace btfs {
namespace {

constexpr std::size_t kMaxPieces = 256;
constexpr std::size_t kMaxAttempts = 16;

}  // namespace

void SmartBan::on_failed(PieceIndex piece, std::vector<Evidence> blocks) {
    if (!failures_.contains(piece) && failures_.size() == kMaxPieces) failures_.erase(failures_.begin());
    auto& attempts = failures_[piece];
    if (attempts.size() == kMaxAttempts) attempts.erase(attempts.begin());
    attempts.push_back(std::move(blocks));
}

std::size_t SmartBan::failures(PieceIndex piece) const {
    auto found = failures_.find(piece);
    return found == failures_.end() ? 0 : found->second.size();
}

std::set<Address> SmartBan::on_verified(PieceIndex piece, std::span<const Sha1Digest> block_digests) {
    std::set<Address> guilty;
    if (auto found = failures_.find(piece); found != failures_.end()) {
        for (const auto& attempt : found->second)
            for (const Evidence& e : attempt)
                if (e.block < block_digests.size() && e.digest != block_digests[e.block])
                    guilty.insert(e.sender);
        failures_.erase(found);
    }
    suspects_.erase(piece);
    return guilty;
}

bool SmartBan::is_suspect(PieceIndex piece, const Address& sender) const {
    auto found = suspects_.find(piece);
    return found != suspects_.end() && found->second.contains(sender);
}

}  // namespace btfs
