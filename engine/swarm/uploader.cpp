#include "engine/swarm/uploader.hpp"

#include <algorithm>

namespace btfs {
namespace {

/// Bytes of one read, and bytes in a peer's send queue beyond which no more is read.
constexpr std::size_t kReadSize = 16 * kBlockSize;
constexpr std::size_t kBacklog = 2 * kReadSize;

}  // namespace

void Uploader::on_wanted(Peer& peer, const BlockRef& block) {
    peer.uploads.push_back(block);
}

void Uploader::on_not_wanted(Peer& peer, const BlockRef& block) {
    std::erase(peer.uploads, block);
}

void Uploader::pump(Peer& peer) {
    if (peer.reading_upload || peer.uploads.empty() || peer.session.upload_backlog() >= kBacklog) return;
    Read read{peer.id, {peer.uploads.front()}};
    BlockRef range = read.blocks.front();
    peer.uploads.pop_front();
    while (!peer.uploads.empty()) {
        const BlockRef& next = peer.uploads.front();
        const bool neighbour =
            next.piece == range.piece && next.offset_in_piece == range.offset_in_piece + range.size;
        if (!neighbour || range.size + next.size > kReadSize) break;
        range.size += next.size;
        read.blocks.push_back(next);
        peer.uploads.pop_front();
    }
    peer.reading_upload = true;
    const ReadTicket ticket = next_ticket_++;
    reads_.emplace(ticket, std::move(read));
    storage_.read(ticket, range);
}

Peer* Uploader::on_read(ReadTicket ticket, const Result<ContentView>& content) {
    auto node = reads_.extract(ticket);
    if (node.empty()) return nullptr;
    auto found = peers_.find(node.mapped().peer);
    if (found == peers_.end()) return nullptr;
    Peer& peer = *found->second;
    peer.reading_upload = false;
    std::size_t at = 0;
    for (const BlockRef& block : node.mapped().blocks) {
        if (content) {
            peer.session.send_block(block, {content->bytes.subspan(at, block.size), content->owner});
        } else {
            peer.session.refuse_block(block);
        }
        at += block.size;
    }
    return &peer;
}

}  // namespace btfs
