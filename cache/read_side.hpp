// Interface between a file system and a torrent's cache: bytes, now or as soon as they are verified.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>

#include "engine/core/error.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// Receives one read's answer. Exactly one of data(), fail() and again() is called, once: on the thread that
/// called ReadSide::read() if the bytes were at hand, else on a thread of the disk pool or on the thread
/// that cancelled. No lock of the cache is held meanwhile.
class ReadReply {
  public:
    virtual ~ReadReply() = default;

    /// Asked once by ReadSide::read(). True: the thread that calls it may be kept waiting for the disk, if
    /// the bytes are there and the page cache lacks them, which costs less than a hand-over to the disk pool.
    virtual bool may_wait_for_disk() const { return false; }
    /// The whole range, verified. The memory is valid during the call only.
    virtual void data(std::span<const iovec> bytes) = 0;
    virtual void fail(Error error) = 0;
    /// The bytes were at hand, and have been lost before they could be read: damaged on disk, or evicted. The
    /// same read, made once more, waits for the swarm.
    virtual void again() { fail(Errc::storage_failed); }
};

/// Names a read from the moment it is made; chosen by the caller, never reused within a process.
using ReadId = std::uint64_t;

enum class ReadOutcome {
    answered,  ///< the reply was used, or will be as soon as the disk pool has read the bytes
    parked,    ///< some of the bytes are missing: the engine has to be told
};

/// Promise of a store that the bytes of a torrent of one file stay where they are, in one file on disk: none
/// is evicted. Ends with its destruction, before the store's, on any thread. If a piece is damaged after all,
/// its place keeps what it has until the piece has been fetched and verified again.
class DataLease {
  public:
    virtual ~DataLease() = default;
    /// Of the file on disk, which has the same bytes at the same offsets and the same size. The lease's own:
    /// not to be closed.
    virtual int descriptor() const = 0;
};

/// Called from any thread; never waits for the network, nor for the disk unless a read's reply allows it.
class ReadSide {
  public:
    virtual ~ReadSide() = default;

    /// Reads verified bytes of the torrent; `range` lies inside it and is at most 1 MiB long.
    virtual ReadOutcome read(ReadId id, ByteRange range, std::unique_ptr<ReadReply> reply) = 0;
    /// Ends a parked read with `error`. False if there is none of that name (any more).
    virtual bool cancel(ReadId id, Error error) = 0;
    /// Ends all parked reads with `error`; later ones that would park fail at once with it, whatever later
    /// calls say.
    virtual void close(Error error) = 0;
    /// True if every byte of the range could be answered without the swarm at this moment.
    virtual bool has(ByteRange range) const = 0;
    /// Announces that the range will probably be read soon, in order. Pieces of it from an earlier run are
    /// proven meanwhile.
    virtual void expect(ByteRange range) = 0;
    /// A reader in sequence has gone by. True if it is the first since these bytes came from the swarm, and
    /// the data file has them, or will at once: then a copy of them elsewhere in the page cache is one too
    /// many.
    virtual bool leave_behind(ByteRange range) = 0;
    /// Leases the file on disk that is `range` and nothing else, and all of which was verified in this run.
    /// Null if there is none, or if there is no room for another lease: then the range is read with read().
    virtual std::unique_ptr<DataLease> lease(ByteRange /*range*/) { return nullptr; }
    /// Bytes verified, or had since an earlier run.
    virtual std::uint64_t bytes_had() const = 0;
};

}  // namespace btfs
