#include "engine/swarm/uploader.hpp"

#include <algorithm>
#include <utility>

namespace btfs {
namespace {

/// Bytes of one read, and bytes in a peer's send queue beyond which no more is read.
constexpr std::size_t kReadSize = 16 * kBlockSize;
constexpr std::size_t kBacklog = 2 * kReadSize;

}  // namespace

void Uploader::refuse_all() {
    for (auto& [id, peer] : peers_)  // blocks that a choked peer may have (BEP 6)
        for (const BlockRef& block : std::exchange(peer->uploads, {})) peer->session.refuse_block(block);
}

void Uploader::on_wanted(Peer& peer, const BlockRef& block) {
    peer.uploads.push_back(block);
}

void Uploader::on_not_wanted(Peer& peer, const BlockRef& block) {
    std::erase(peer.uploads, block);
}

void Uploader::pump(Peer& peer, TimePoint now) {
    const bool limited = peer.limited && share_.is_limited();
    // Bytes that wait behind a slow connection have passed the limit already, and would break it later.
    const std::size_t read_size = limited ? std::min(kReadSize, share_.burst()) : kReadSize;
    const std::size_t backlog = limited ? std::min(kBacklog, share_.burst()) : kBacklog;
    if (peer.reading_upload || peer.uploads.empty() || peer.session.upload_backlog() >= backlog) return;
    if (limited && !begin_limited_read(peer, now)) return;
    Read read{peer.id, {peer.uploads.front()}};
    BlockRef range = read.blocks.front();
    peer.uploads.pop_front();
    while (!peer.uploads.empty()) {
        const BlockRef& next = peer.uploads.front();
        const bool neighbour =
            next.piece == range.piece && next.offset_in_piece == range.offset_in_piece + range.size;
        if (!neighbour || range.size + next.size > read_size) break;
        if (limited && !take(peer, next.size, now)) break;
        range.size += next.size;
        read.blocks.push_back(next);
        peer.uploads.pop_front();
    }
    peer.reading_upload = true;
    const ReadTicket ticket = next_ticket_++;
    reads_.emplace(ticket, std::move(read));
    storage_.read(ticket, range);
}

/// Asks the limit for the peer's next block. If that has to wait, the peer is held back.
bool Uploader::begin_limited_read(Peer& peer, TimePoint now) {
    if (peer.session.upload_backlog() == 0) return_unsent(peer);
    if (take(peer, peer.uploads.front().size, now)) return true;
    if (!std::exchange(peer.upload_held, true)) held_.push_back(peer.id);
    return false;
}

bool Uploader::take(Peer& peer, std::uint32_t size, TimePoint now) {
    if (!share_.take(size, Urgency::background, now)) return false;
    peer.upload_granted += size;
    return true;
}

/// Gives back what was let through for a peer that has no block waiting, and was not sent: it was cancelled,
/// or could not be read. What was sent while there was no limit is not counted.
void Uploader::return_unsent(Peer& peer) {
    const std::uint64_t sent = peer.session.content_sent();
    if (peer.upload_granted > sent) share_.give_back(peer.upload_granted - sent);
    peer.upload_granted = sent;
}

void Uploader::pump_held(TimePoint now) {
    if (!share_.begin_turn(now)) return;
    pump_all_held(now);
    share_.end_turn();
}

void Uploader::set_limit(std::optional<std::uint64_t> own, bool heeds_process, TimePoint now) {
    share_.set_own(own, heeds_process, now);
    pump_all_held(now);
}

void Uploader::pump_all_held(TimePoint now) {
    for (std::size_t left = held_.size(); left > 0; --left) {
        const auto found = peers_.find(held_.front());
        held_.pop_front();
        if (found == peers_.end()) continue;
        found->second->upload_held = false;
        pump(*found->second, now);
    }
}

void Uploader::on_peer_gone(Peer& peer) {
    if (peer.limited) return_unsent(peer);
    if (peer.upload_held) std::erase(held_, peer.id);
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
