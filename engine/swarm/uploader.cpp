#include "engine/swarm/uploader.hpp"

#include <algorithm>

namespace btfs {
namespace {

constexpr Duration kSlotHeldFor = 30s;
/// Bytes of one read, and bytes in a peer's send queue beyond which no more is read (less while a reader
/// waits).
constexpr std::size_t kReadSize = 16 * kBlockSize;
constexpr std::size_t kBacklog = 2 * kReadSize;
constexpr std::size_t kYieldingBacklog = kBlockSize;

bool wants_slot(const Peer& peer) {
    return peer.session.greeted() && peer.session.peer_interested();
}

}  // namespace

void Uploader::assign_slots(TimePoint now) {
    std::size_t taken = 0;
    for (auto& [id, peer] : peers_) {
        if (!peer->session.am_choking() && !wants_slot(*peer)) peer->session.set_choking(true);
        taken += !peer->session.am_choking();
    }
    for (auto& [id, peer] : peers_) {
        if (taken >= slots_) return;
        if (!wants_slot(*peer) || !peer->session.am_choking()) continue;
        peer->session.set_choking(false);
        peer->unchoked = now;
        ++taken;
    }
}

void Uploader::rotate_slots(TimePoint now) {
    Peer* longest_served = nullptr;
    Peer* longest_waiting = nullptr;
    for (auto& [id, peer] : peers_) {
        if (!wants_slot(*peer)) continue;
        Peer*& champion = peer->session.am_choking() ? longest_waiting : longest_served;
        if (!champion || peer->unchoked < champion->unchoked) champion = peer.get();
    }
    if (!longest_waiting || !longest_served || now < longest_served->unchoked + kSlotHeldFor) return;
    longest_served->session.set_choking(true);
    longest_served->unchoked = now;
    longest_waiting->session.set_choking(false);
    longest_waiting->unchoked = now;
}

void Uploader::on_wanted(Peer& peer, const BlockRef& block) {
    peer.uploads.push_back(block);
}

void Uploader::on_not_wanted(Peer& peer, const BlockRef& block) {
    std::erase(peer.uploads, block);
}

void Uploader::pump(Peer& peer, bool reader_waits) {
    const std::size_t backlog = reader_waits ? kYieldingBacklog : kBacklog;
    if (peer.reading_upload || peer.uploads.empty() || peer.session.upload_backlog() >= backlog) return;
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
