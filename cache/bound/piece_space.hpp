// Disk space that one torrent's pieces have, or were promised.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "cache/bound/disk_budget.hpp"
#include "engine/core/bitfield.hpp"
#include "engine/core/layout.hpp"
#include "engine/storage.hpp"

namespace btfs {

/// A piece takes space out of the budget before it is asked for, once, and gives it back when it is neither
/// had nor being received any more. Called from any thread. The promises of pieces that are being received
/// hold it, and may outlive the store. `budget` outlives it; `layout` the store's calls alone.
class PieceSpace : public std::enable_shared_from_this<PieceSpace> {
  public:
    /// Space that was taken for a piece that is being received, until the last copy is gone.
    using Promise = std::shared_ptr<void>;
    enum class Taken : std::uint8_t {
        yes,
        no_room,
        not_yet,  ///< what an earlier try has left on the disk is being freed: freed() ends that
    };
    /// Frees what a piece that was given up may have left on the disk, then calls freed(); soon, not now.
    /// Called under a lock: it calls no function of this.
    using FreeLater = std::function<void(PieceIndex piece)>;

    PieceSpace(DiskBudget& budget, const Layout& layout, FreeLater free_later);
    PieceSpace(const PieceSpace&) = delete;
    PieceSpace& operator=(const PieceSpace&) = delete;

    /// Bytes on disk of a piece: all blocks that it touches, whole.
    std::uint64_t bytes_of(PieceIndex piece) const;

    /// On disk since an earlier run; not counted here.
    void set_had_before(PieceIndex piece);
    /// Bytes on disk of all that is had, or being received.
    std::uint64_t bytes() const;
    /// Takes space for a piece that is to be received.
    Taken take(PieceIndex piece, Promise& promise);
    /// From now on some of the piece, which is being received, may be written before all of it is there.
    void set_spills(PieceIndex piece);
    /// The piece is had from now on. Its space was taken.
    void set_had(PieceIndex piece);
    /// The piece is about to be lost, and its place to be freed: it cannot be taken until freed(). False, and
    /// nothing changes: it is not had, or is being received.
    bool begin_free(PieceIndex piece);
    /// Its place on disk is a hole, or the disk refused: its space is given back.
    void freed(PieceIndex piece);
    /// The piece is not had any more. What may be on the disk is freed when no buffer holds it.
    void gone(PieceIndex piece);
    /// False: nothing of it is on disk, or may come there, unless it is taken.
    bool holds(PieceIndex piece) const;
    /// Space is held for a piece that is being received, or freed.
    bool receives_some() const;
    /// The pieces that are had, and not being received besides.
    Bitfield at_rest() const;
    /// The store has ended: returns bytes(), which is counted elsewhere from now on. FreeLater is not called
    /// any more.
    std::uint64_t close();

  private:
    struct Receiving {
        unsigned promises = 0;
        bool may_be_on_disk = false;  ///< some of it
        bool being_freed = false;
    };

    void end_promise(PieceIndex piece);
    std::uint64_t sum() const;

    DiskBudget& budget_;
    const std::uint64_t piece_length_;
    const std::uint64_t total_size_;

    mutable std::mutex mutex_;
    // Guarded by mutex_:
    FreeLater free_later_;
    Bitfield had_;
    std::unordered_map<PieceIndex, Receiving> receiving_;
    bool closed_ = false;
};

}  // namespace btfs
