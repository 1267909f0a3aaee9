#include "cache/bound/piece_space.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace btfs {

PieceSpace::PieceSpace(DiskBudget& budget, const Layout& layout, FreeLater free_later)
    : budget_(budget),
      piece_length_(layout.piece_length()),
      total_size_(layout.total_size()),
      free_later_(std::move(free_later)),
      had_(layout.piece_count()) {}

std::uint64_t PieceSpace::bytes_of(PieceIndex piece) const {
    const std::uint64_t begin = piece.value() * piece_length_;
    const std::uint64_t end = std::min(begin + piece_length_, total_size_);
    return DiskBudget::on_disk(end) - begin / kDiskBlock * kDiskBlock;
}

void PieceSpace::set_had_before(PieceIndex piece) {
    std::lock_guard lock(mutex_);
    had_.set(piece);
}

std::uint64_t PieceSpace::bytes() const {
    std::lock_guard lock(mutex_);
    return sum();
}

/// mutex_ is held.
std::uint64_t PieceSpace::sum() const {
    std::uint64_t bytes = 0;
    for (const auto& [piece, receiving] : receiving_)
        if (!had_.test(piece)) bytes += bytes_of(piece);
    had_.for_each([&](PieceIndex piece) { bytes += bytes_of(piece); });
    return bytes;
}

PieceSpace::Taken PieceSpace::take(PieceIndex piece, Promise& promise) {
    {
        std::lock_guard lock(mutex_);
        const auto receiving = receiving_.find(piece);
        if (receiving != receiving_.end()) {
            if (receiving->second.being_freed) return Taken::not_yet;
            ++receiving->second.promises;
        } else {
            if (!had_.test(piece) && !budget_.take(bytes_of(piece))) return Taken::no_room;
            receiving_[piece] = {.promises = 1};
        }
    }
    promise = Promise(this, [space = shared_from_this(), piece](void*) { space->end_promise(piece); });
    return Taken::yes;
}

void PieceSpace::end_promise(PieceIndex piece) {
    {
        std::lock_guard lock(mutex_);
        if (closed_) return;
        const auto found = receiving_.find(piece);
        assert(found != receiving_.end());
        Receiving& receiving = found->second;
        if (--receiving.promises > 0) return;
        const bool had = had_.test(piece);
        receiving.being_freed = !had && receiving.may_be_on_disk;
        // Under the lock: after close() the store may be gone.
        if (receiving.being_freed) return free_later_(piece);
        receiving_.erase(found);
        if (had) return;
    }
    budget_.give_back(bytes_of(piece));
}

void PieceSpace::set_spills(PieceIndex piece) {
    std::lock_guard lock(mutex_);
    const auto receiving = receiving_.find(piece);
    if (receiving != receiving_.end()) receiving->second.may_be_on_disk = true;
}

void PieceSpace::set_had(PieceIndex piece) {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    assert(had_.test(piece) || receiving_.contains(piece));
    had_.set(piece);
}

bool PieceSpace::begin_free(PieceIndex piece) {
    std::lock_guard lock(mutex_);
    if (closed_ || receiving_.contains(piece) || !had_.clear(piece)) return false;
    receiving_[piece] = {.being_freed = true};
    return true;
}

void PieceSpace::gone(PieceIndex piece) {
    std::lock_guard lock(mutex_);
    if (closed_ || !had_.clear(piece)) return;
    const auto receiving = receiving_.find(piece);
    if (receiving != receiving_.end()) {
        receiving->second.may_be_on_disk = true;
        return;
    }
    receiving_[piece] = {.may_be_on_disk = true, .being_freed = true};
    free_later_(piece);  // under the lock: after close() the store may be gone
}

void PieceSpace::freed(PieceIndex piece) {
    {
        std::lock_guard lock(mutex_);
        if (closed_) return;
        assert(receiving_.contains(piece) && receiving_[piece].being_freed);
        receiving_.erase(piece);
    }
    budget_.give_back(bytes_of(piece));
}

bool PieceSpace::holds(PieceIndex piece) const {
    std::lock_guard lock(mutex_);
    return had_.test(piece) || receiving_.contains(piece);
}

bool PieceSpace::receives_some() const {
    std::lock_guard lock(mutex_);
    return !receiving_.empty();
}

Bitfield PieceSpace::at_rest() const {
    std::lock_guard lock(mutex_);
    Bitfield pieces = had_;
    for (const auto& [piece, receiving] : receiving_) pieces.clear(piece);
    return pieces;
}

std::uint64_t PieceSpace::close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    free_later_ = {};
    return sum();
}

}  // namespace btfs
