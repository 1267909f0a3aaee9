// Interface between the engine and a store of one torrent's content. The cache implements it; so does the
// store of `btfs seed`, which serves files where they lie; so do tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/core/bitfield.hpp"
#include "engine/core/content_view.hpp"
#include "engine/core/error.hpp"
#include "engine/core/hash.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// Memory for one piece, out of the store's budget, to receive blocks into. It goes back to the budget
/// when the last owner lets go.
class PieceBuffer {
  public:
    PieceBuffer() = default;
    PieceBuffer(const PieceBuffer&) = delete;
    PieceBuffer& operator=(const PieceBuffer&) = delete;
    virtual ~PieceBuffer() = default;

    /// As many bytes as the piece has. Bytes of pad files are zeros already.
    virtual std::span<std::byte> bytes() = 0;
    /// Called by the engine when a block has been received. The engine does not read the block's bytes until
    /// the piece verifies or the block is discarded, so a store may move them to the disk meanwhile.
    virtual void block_received([[maybe_unused]] std::uint32_t block) {}
    /// The block's bytes are not wanted any more: others may arrive in their place from now on.
    virtual void block_discarded([[maybe_unused]] std::uint32_t block) {}
    /// False: no more blocks are to be asked for now; StorageEvents::on_credit() follows.
    virtual bool has_room() { return true; }
};

/// Shared because a piece's memory is read by its verifier, its writer, readers' replies and uploads,
/// and none of them outlives the others by rule.
using PieceBufferPtr = std::shared_ptr<PieceBuffer>;

/// Purpose of a request for memory. Part of the budget is reserved for blocked reads.
enum class Urgency : std::uint8_t { blocked_read, readahead, background };

/// Names one read for an upload; chosen by the engine.
using ReadTicket = std::uint64_t;

/// Receives a store's events, for the engine. Called from any thread, never from inside a call of Storage,
/// and not after Storage::detach() returned.
class StorageEvents {
  public:
    virtual ~StorageEvents() = default;

    /// The piece matches its hash and can be served from now on. `block_digests` as asked for.
    virtual void on_verified(PieceIndex piece, std::vector<Sha1Digest> block_digests) = 0;
    /// The piece does not match. The buffer comes back, with the SHA-1 of each of its blocks.
    virtual void on_mismatch(PieceIndex piece, PieceBufferPtr buffer,
                             std::vector<Sha1Digest> block_digests) = 0;
    /// A piece that we had is missing again: it could not be written, or was damaged on disk.
    virtual void on_lost(PieceIndex piece) = 0;
    /// Pieces that we had were given up to make room: they are missing, and their space is free. They are
    /// worth fetching again only for a reader.
    virtual void on_evicted(const std::vector<PieceIndex>& pieces) = 0;
    /// A read waits for memory or space that begun pieces hold: those that no reader wants should be given
    /// up.
    virtual void on_shortage() {}
    /// Memory or space is there again, after acquire() or PieceBuffer::has_room() had said no.
    virtual void on_credit() = 0;
    /// A read for an upload has ended.
    virtual void on_read(ReadTicket ticket, Result<ContentView> content) = 0;
};

/// Called on the engine thread; nothing here waits.
class Storage {
  public:
    /// Bytes of one read for an upload: neighbouring requests may be read as one.
    static constexpr std::uint32_t kMaxUpload = 1 << 20;

    virtual ~Storage() = default;

    /// Reports events to `events` from now on. Called once, before available() and unproven(), so that no
    /// change is missed between their results and the events.
    virtual void attach(StorageEvents& events) = 0;
    /// When this returns no event is under way and none will come.
    virtual void detach() = 0;

    /// Pieces that may be announced: verified ones, and those of earlier runs that are trusted enough to be
    /// announced and are proven when first read.
    virtual Bitfield available() const = 0;
    /// Pieces to be treated as had but not announced: on disk since an earlier run that ended badly. The
    /// first use proves them: on_verified() or on_lost() then follows.
    virtual Bitfield unproven() const = 0;

    /// Pieces that were verified in an earlier run, and not yet in this one: for who looks at the torrent.
    /// Takes time for each piece.
    virtual Bitfield earlier() const { return unproven(); }

    /// Peers are connected, who would be told of more pieces: the unproven ones are proven from now on,
    /// slowly. on_verified() or on_lost() follows for each. Called once or more.
    virtual void prove_unproven() {}

    /// Takes the pieces that we have and at most one connected peer has: they are worth keeping somewhat
    /// longer than others. Called once a minute while peers are connected.
    virtual void set_rare(Bitfield) {}

    /// True: the piece, which has arrived, is likely to stay for minutes, and worth announcing to peers.
    virtual bool lasts(PieceIndex) const { return true; }

    /// Memory to receive a piece into, and space for it on the disk, reserved before the first request for it
    /// is sent. Null: no credit now; on_credit() follows. `background` evicts nothing, unless the piece is
    /// pinned.
    virtual PieceBufferPtr acquire(PieceIndex piece, Urgency urgency) = 0;
    /// Every block of the piece is in the buffer. on_verified() or on_mismatch() follows. With
    /// `want_block_digests`, on_verified() carries the SHA-1 of each block.
    virtual void verify(PieceIndex piece, PieceBufferPtr buffer, bool want_block_digests) = 0;
    /// Reads verified content for an upload, at most kMaxUpload bytes; on_read() follows. Content of an
    /// earlier run is proven first.
    virtual void read(ReadTicket ticket, BlockRef range) = 0;
};

}  // namespace btfs
