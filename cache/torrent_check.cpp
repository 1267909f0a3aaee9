#include "cache/torrent_check.hpp"

#include <algorithm>
#include <utility>

namespace btfs {

TorrentCheck::TorrentCheck(TorrentStore& store, unsigned hashers,
                           std::function<void(std::uint64_t)> on_progress)
    : store_(store),
      // Half of that keeps all of them busy.
      most_under_way_(std::max(kAhead, 2 * std::uint64_t{hashers} * store.layout().piece_length())),
      on_progress_(std::move(on_progress)) {}

CheckedPieces TorrentCheck::run() {
    store_.attach(*this);
    const Bitfield trusted = store_.available(), doubtful = store_.unproven();
    const Layout& layout = store_.layout();
    for (PieceIndex piece(0); piece.value() < layout.piece_count(); piece = piece.next()) {
        if (!trusted.test(piece) && !doubtful.test(piece)) continue;
        const std::uint64_t size = layout.piece_size(piece);
        if (is_full(size)) wait_until_under_way(most_under_way_ / 2);
        store_.read_ahead(layout.piece_range(piece));
        {
            std::lock_guard lock(mutex_);
            under_way_ += size;
        }
        store_.read(ReadTicket{piece.value()}, {piece, 0, 1});
    }
    wait_until_under_way(0);
    store_.detach();
    return checked_;
}

bool TorrentCheck::is_full(std::uint64_t size) {
    std::lock_guard lock(mutex_);
    return under_way_ + size > most_under_way_;
}

void TorrentCheck::wait_until_under_way(std::uint64_t bytes) {
    std::unique_lock lock(mutex_);
    awaited_ = bytes;
    changed_.wait(lock, [&] { return under_way_ <= bytes; });
    const std::uint64_t done = std::exchange(done_, 0);
    lock.unlock();
    if (done > 0) on_progress_(done);
}

/// Comes before the read of the piece fails.
void TorrentCheck::on_lost(PieceIndex piece) {
    std::lock_guard lock(mutex_);
    lost_.insert(piece);
}

void TorrentCheck::on_read(ReadTicket ticket, Result<ContentView> content) {
    const PieceIndex piece(static_cast<std::uint32_t>(ticket));
    const std::uint64_t size = store_.layout().piece_size(piece);
    std::lock_guard lock(mutex_);
    if (content) {
        ++checked_.right;
    } else if (lost_.erase(piece) > 0) {
        ++checked_.damaged;
        checked_.damaged_bytes += size;
    } else {
        ++checked_.unread;
        checked_.unread_bytes += size;
    }
    under_way_ -= size;
    done_ += size;
    if (under_way_ <= awaited_) changed_.notify_one();
}

}  // namespace btfs
