#include "engine/swarm/smart_ban.hpp"

#include <algorithm>

namespace btfs {

SmartBan::Case& SmartBan::case_of(PieceIndex piece) {
    const auto [found, is_new] = cases_.try_emplace(piece);
    if (!is_new) return found->second;
    in_order_.push_back(piece);
    if (in_order_.size() > kMaxPieces) forget(in_order_.front());
    return found->second;
}

void SmartBan::on_failed(PieceIndex piece, const std::vector<Evidence>& blocks) {
    Case& known = case_of(piece);
    ++known.failures;
    for (const Evidence& e : blocks) evidence_ += known.blocks.insert({e.block, {e.digest, e.sender}}).second;
    while (evidence_ > kMaxEvidence && in_order_.front() != piece) forget(in_order_.front());
    while (evidence_ > kMaxEvidence) {
        known.blocks.erase(known.blocks.begin());
        --evidence_;
    }
}

std::size_t SmartBan::failures(PieceIndex piece) const {
    auto found = cases_.find(piece);
    return found == cases_.end() ? 0 : found->second.failures;
}

std::set<Address> SmartBan::on_verified(PieceIndex piece, std::span<const Sha1Digest> block_digests) {
    std::set<Address> guilty;
    const auto found = cases_.find(piece);
    if (found == cases_.end()) return guilty;
    for (const auto& [block, sent] : found->second.blocks)
        if (block < block_digests.size() && sent.first != block_digests[block]) guilty.insert(sent.second);
    forget(piece);
    return guilty;
}

void SmartBan::forget(PieceIndex piece) {
    const auto found = cases_.find(piece);
    evidence_ -= found->second.blocks.size();
    cases_.erase(found);
    std::erase(in_order_, piece);
}

void SmartBan::suspect(PieceIndex piece, const Address& sender) {
    case_of(piece).suspects.insert(sender);
}

bool SmartBan::is_suspect(PieceIndex piece, const Address& sender) const {
    auto found = cases_.find(piece);
    return found != cases_.end() && found->second.suspects.contains(sender);
}

void SmartBan::acquit(PieceIndex piece) {
    if (const auto found = cases_.find(piece); found != cases_.end()) found->second.suspects.clear();
}

}  // namespace btfs
