// Store of one torrent's content in the cache: the engine fills it and a file system reads it.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "cache/adopted/adopted_files.hpp"
#include "cache/bound/closed_torrents.hpp"
#include "cache/bound/evictor.hpp"
#include "cache/bound/piece_space.hpp"
#include "cache/bound/piece_uses.hpp"
#include "cache/disk/data_file.hpp"
#include "cache/disk/disk_pool.hpp"
#include "cache/disk/use_count.hpp"
#include "cache/event_gate.hpp"
#include "cache/pieces/block_cache.hpp"
#include "cache/pieces/damage_count.hpp"
#include "cache/pieces/first_pass.hpp"
#include "cache/pieces/piece_memory.hpp"
#include "cache/pieces/read_ahead.hpp"
#include "cache/pieces/spills.hpp"
#include "cache/pieces/verifier.hpp"
#include "cache/pieces/write_back.hpp"
#include "cache/read_side.hpp"
#include "cache/recheck_progress.hpp"
#include "cache/records/claims.hpp"
#include "cache/records/kept_info.hpp"
#include "cache/records/last_use.hpp"
#include "engine/core/identity.hpp"
#include "engine/core/layout.hpp"
#include "engine/core/piece_hashes.hpp"
#include "engine/core/reader_demand.hpp"
#include "engine/storage.hpp"

namespace btfs {

/// Facts about a torrent that its store needs.
struct StoreSpec {
    Identity identity;
    Layout layout;
    PieceHashes hashes;
    /// The info dictionary, to be kept beside the content; null: it is not kept.
    std::shared_ptr<const Bytes> info = nullptr;
};

/// Carries out what BlockCache and WriteBack decide, on the disk pool's threads: hashing, writing, reading
/// and proving. The Storage functions are the engine thread's; the ReadSide functions anyone's. It has no
/// thread of its own and, idle, next to no memory. Opened by CacheDir.
class TorrentStore final : public Storage, public ReadSide, public Evictable {
  public:
    /// How long a store syncs at its end, unless its owner says otherwise.
    static constexpr std::chrono::milliseconds kSyncPatience{500};

    /// The store's part in a bounded cache.
    struct Bound {
        DiskBudget& budget;      ///< outlives the store, and all buffers of it
        Evictor& evictor;        ///< outlives the store
        ClosedTorrents& closed;  ///< outlives the store
        ClosedTorrents::Earlier earlier;
        bool frees_parts = true;  ///< see CacheSizes
        Bitfield pinned{0};       ///< pieces; of no size: none
    };

    /// `bound`: none if the cache has none. `adopted`: what another client has of the torrent; null: nothing.
    TorrentStore(StoreSpec spec, std::shared_ptr<Files> files, std::unique_ptr<Claims> claims,
                 const EarlierClaims& earlier, DiskPool& pool, PieceMemory& memory,
                 std::optional<Bound> bound = {}, std::unique_ptr<AdoptedFiles> adopted = nullptr);
    TorrentStore(const TorrentStore&) = delete;
    TorrentStore& operator=(const TorrentStore&) = delete;
    /// Ends the store, if close_begin() was not called, and waits for the disk, however long that takes: see
    /// close_finish().
    ~TorrentStore() override;

    // ---- the end: an owner of many stores begins all, then finishes each under one deadline ----

    /// Begins the clean end and returns at once: detaches the engine, fails parked reads and later ones,
    /// writes what was verified, then syncs until `sync_until` and marks the claims clean. Called once or
    /// more.
    void close_begin(TimePoint sync_until = Clock::now() + kSyncPatience);
    /// Waits for that end. True: the store may be destroyed, which waits for nothing. False: the disk does
    /// not answer; neither the store nor its pool may be destroyed by a process that does not want to wait
    /// for it.
    bool close_finish(TimePoint deadline);

    const Layout& layout() const { return spec_.layout; }
    /// Has all that lies on the disk proven anew, piece by piece, in the background. A piece whose turn has
    /// not come is proven when it is read; one that is damaged is lost, and the engine hears of it.
    void recheck();
    /// Progress of that, which may outlive the store.
    std::shared_ptr<const RecheckProgress> recheck_progress() const { return recheck_; }
    /// Asks the disk for bytes that are about to be proven, unless they are in the page cache. May wait for
    /// it.
    void read_ahead(ByteRange range);

    // Storage
    void attach(StorageEvents& events) override;
    void detach() override;
    Bitfield available() const override;
    Bitfield unproven() const override;
    Bitfield earlier() const override;
    PieceBufferPtr acquire(PieceIndex piece, Urgency urgency) override;
    void prove_unproven() override;
    void set_rare(Bitfield pieces) override;
    bool lasts(PieceIndex piece) const override;
    void verify(PieceIndex piece, PieceBufferPtr buffer, bool want_block_digests) override;
    void read(ReadTicket ticket, BlockRef range) override;

    // ReadSide
    ReadOutcome read(ReadId id, ByteRange range, std::unique_ptr<ReadReply> reply) override;
    bool cancel(ReadId id, Error error) override;
    void close(Error error) override;
    bool has(ByteRange range) const override;
    void expect(ByteRange range) override;
    bool leave_behind(ByteRange range) override;
    std::unique_ptr<DataLease> lease(ByteRange range) override;
    std::uint64_t bytes_had() const override;

    // ---- a bounded cache: what readers demand decides what is worth keeping ----

    /// As DemandSink has it. Returns as much of the demand as the cache has room for: a window that is longer
    /// would be evicted before it is read.
    ReaderDemand set_reader(ReaderId reader, ReaderDemand demand);
    void drop_reader(ReaderId reader);
    /// These pieces, and no others, are evicted only for a read that waits. Without a bound nothing is.
    void set_pinned(Bitfield pieces);

    // Evictable
    void list_evictable(std::uint32_t owner, std::uint64_t looks_back,
                        std::vector<EvictionCandidate>& candidates) override;
    void evict(std::vector<std::uint32_t> pieces) override;
    std::uint64_t leaving() const override { return leaving_; }
    void give_up_spare() override;

  private:
    class UploadReply;
    class Lease;
    /// How bytes that lie on disk are read.
    enum class DiskRead : std::uint8_t {
        cached,        ///< from the page cache; those it lacks on the disk pool
        cached_first,  ///< from the page cache; those it lacks by waiting for the disk
        waiting,
    };
    /// Outcome of reading the bytes on disk that a read wants.
    enum class Fetched : std::uint8_t {
        all,
        not_cached,
        damaged,
        failed,
        changed,  ///< of files of another client, which was dealt with
    };

    /// A range of the data file that could not be read.
    struct Amiss {
        ByteRange range;
        Error error;
    };

    void load(const EarlierClaims& earlier);
    PieceBufferPtr acquire_memory(PieceIndex piece, Urgency urgency, PieceSpace::Promise space);
    PieceBufferPtr acquire_spilling(PieceIndex piece, MemoryUse use, PieceSpace::Promise space);
    bool spills(PieceIndex piece) const;
    static PieceBufferPtr with_space(PieceBufferPtr buffer, PieceSpace::Promise space);
    std::shared_ptr<PieceSpace> make_space();
    bool take_space(PieceIndex piece, Urgency urgency, PieceSpace::Promise& space);
    bool has_space(PieceIndex piece);
    void wait_for_space(std::uint64_t bytes, DiskBudget::Waits waits);
    void free_later(PieceIndex piece);
    void free_on_disk(PieceIndex piece);
    void room_may_be_made();
    void arrived(PieceIndex piece);
    void touch(ByteRange range);
    void evict_now(const std::vector<std::uint32_t>& pieces);
    bool begin_evicting(PieceIndex piece);
    bool is_pinned(PieceIndex piece) const;
    bool hold_in_place(bool for_lease);
    bool is_held() const;
    void end_lease();
    void let_go_later();
    void let_go();
    void hold_for_earlier_readers();
    bool begin_freeing();
    void end_freeing();
    void set_untold(PieceIndex piece, bool untold);
    void free_unclaimed();
    void adopt();
    void zero_padding(PieceIndex piece, std::span<std::byte> content) const;
    Task job(Task work);
    void finish_now(TimePoint sync_until);

    // On the disk pool's threads:
    void verify_now(PieceIndex piece, PieceBufferPtr buffer, bool want_block_digests);
    void publish(PieceIndex piece, PieceBufferPtr buffer, std::vector<Sha1Digest> block_digests);
    void tell_verified(PieceIndex piece, std::vector<Sha1Digest> block_digests);
    void count_adopted_lost(PieceIndex piece);
    void verify_spilled(PieceIndex piece, std::shared_ptr<SpillingPiece> spilled, bool want_block_digests);
    void fail_spilled(PieceIndex piece);
    void publish_spilled(PieceIndex piece, std::vector<Sha1Digest> block_digests);
    void write_now(WriteBack::Piece piece);
    void prove_now(PieceIndex piece);
    void begin_proof(PieceIndex piece);
    void prove_adopted(PieceIndex piece, const PieceBufferPtr& buffer);
    void prove_adopted_stream(PieceIndex piece);
    bool may_go_on(PieceIndex piece, const FileTree::Outcome& outcome, bool first_try);
    void finish_adopted_proof(PieceIndex piece, const Sha1Digest& digest, const PieceBufferPtr& buffer,
                              std::uint64_t losses);
    void keep_copy(PieceIndex piece, const PieceBufferPtr& proof);
    void prove_when_settled(PieceIndex piece);
    bool look_again(const FileTree::Outcome& outcome);
    void lose_adopted(PieceIndex piece);
    void prove_next(PieceIndex from);
    Result<Sha1Digest> hash_on_disk(ByteRange range);
    void end_proof(PieceIndex piece, const Result<Sha1Digest>& digest, const PieceBufferPtr& buffer,
                   std::uint64_t losses);

    void carry_out(CacheActions actions, DiskRead how);
    void carry_out(WriteBack::Actions actions);
    void answer(ReadyRead read, DiskRead how);
    Fetched fetch(const ReadyRead& read, DiskRead how, std::vector<iovec>& parts, Amiss& amiss);
    Fetched read_disk(ByteRange range, std::span<std::byte> out, Amiss& amiss);
    bool is_adopted_in(ByteRange range) const;
    Fetched read_adopted(ByteRange range, std::span<std::byte> out);
    template <class F>
    void each_place(ByteRange range, F&& f) const;
    void read_later(ReadyRead read);
    void prefetch(ByteRange range, bool cold);
    void write_later(WriteBack::Piece piece);
    void lose(PieceIndex piece);
    void lose_stored(PieceIndex piece);
    void claim(BlockSpan blocks);
    void save_claims(BlockSpan blocks);
    void keep_info();
    void note_use();
    void offer_kept();
    void wait_for_credit(std::size_t size, MemoryUse use);

    const StoreSpec spec_;
    const Verifier verifier_;
    DiskPool& pool_;
    PieceMemory& memory_;
    BlockCache cache_;
    DataFile data_;
    KeptInfo info_;
    const std::unique_ptr<Claims> claims_;
    LastUse last_use_;
    const std::unique_ptr<AdoptedFiles> adopted_;  ///< null: nothing is adopted
    /// Held while a file of another client is looked at again: before the lock of cache_.
    std::mutex looking_again_;
    DamageCount changing_;  ///< large pieces whose files changed while they were being proven
    std::atomic<bool> proves_unproven_ = false;
    std::atomic<bool> proves_again_ = false;  ///< from the first piece on, once it has come to the end
    const std::shared_ptr<RecheckProgress> recheck_ = std::make_shared<RecheckProgress>();
    WriteBack write_back_;
    Spills spills_;
    ReadAhead read_ahead_;
    DamageCount damage_;
    FirstPass first_pass_;
    EventGate events_;
    std::atomic<bool> closed_ = false;
    std::atomic<bool> offered_ = false;  ///< offer_kept() waits for a store short of memory

    // A bounded cache's; null and empty without a bound:
    const std::optional<Bound> bound_;
    const std::shared_ptr<PieceSpace> space_;
    PieceUses uses_;
    std::atomic<std::uint64_t> leaving_ = 0;
    std::array<std::atomic<bool>, 3> waits_for_space_{};  ///< by DiskBudget::Waits: on_credit() follows
    std::atomic<bool> warned_of_unfreed_ = false;
    mutable std::mutex keeping_mutex_;
    // Guarded by keeping_mutex_:
    Bitfield pinned_;
    Bitfield rare_;
    std::map<ReaderId, ReaderDemand> readers_;  ///< those that demand something
    std::set<std::uint32_t> evicting_;
    std::set<PieceIndex> untold_;  ///< stored, and on_verified() has yet to be sent
    /// The data file may be read by processes without our knowledge: nothing of it is freed. Longer than
    /// there are leases, since a mapping outlives the descriptor that it was made of.
    bool held_ = false;
    unsigned leases_ = 0;
    std::uint64_t leased_bytes_ = 0;  ///< counted by the evictor
    unsigned freeing_ = 0;            ///< damaged pieces whose places are being freed
    std::atomic<bool> looked_for_earlier_readers_ = false;

    std::mutex credit_mutex_;
    /// By MemoryUse::ahead, blocked: "no credit" was said, and one on_credit() follows. Guarded by
    /// credit_mutex_.
    std::array<bool, 2> waits_for_memory_{};

    std::mutex end_mutex_;
    std::condition_variable end_reached_;
    // Guarded by end_mutex_:
    bool end_begun_ = false;
    bool ended_ = false;

    UseCount jobs_;  // last: jobs use all of the above
};

/// Calls f(part, adopted), until f returns false, for each part of the range that lies in one place: in the
/// data file, or in files of another client.
template <class F>
void TorrentStore::each_place(ByteRange range, F&& f) const {
    const std::uint64_t length = spec_.layout.piece_length();
    const auto adopted_at = [&](std::uint64_t offset) {
        return adopted_ && cache_.is_adopted(spec_.layout.piece_at(offset));
    };
    while (!range.empty()) {
        const bool adopted = adopted_at(range.begin);
        std::uint64_t end = range.begin;
        do end = std::min((end / length + 1) * length, range.end);
        while (end < range.end && adopted_at(end) == adopted);
        if (!f(ByteRange{range.begin, end}, adopted)) return;
        range.begin = end;
    }
}

}  // namespace btfs
