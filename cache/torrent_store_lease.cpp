// TorrentStore: leases of its data file, which the kernel then reads without asking.
#include "cache/torrent_store.hpp"
#include "engine/log/log.hpp"

namespace btfs {
namespace {

/// Time from the end of a lease, or from a look that found the data file open, to the next look.
constexpr Duration kLetGo = 1s;

}  // namespace

class TorrentStore::Lease final : public DataLease {
  public:
    Lease(TorrentStore& store, int descriptor) : store_(store), descriptor_(descriptor) {}
    ~Lease() override { store_.end_lease(); }
    int descriptor() const override { return descriptor_; }

  private:
    TorrentStore& store_;
    const int descriptor_;
};

std::unique_ptr<DataLease> TorrentStore::lease(ByteRange range) {
    // Blocks of a piece that spills are written before they are verified.
    if (range.empty() || range != ByteRange{0, spec_.layout.total_size()} || spills(PieceIndex(0)))
        return nullptr;
    if (!cache_.on_disk(range) || is_adopted_in(range)) return nullptr;
    const Result<int> descriptor = data_.descriptor_of(range.end);
    if (!descriptor || !hold_in_place(true)) return nullptr;
    note_use();
    if (space_) touch(range);
    return std::make_unique<Lease>(*this, *descriptor);
}

/// Lets nothing of the data file be freed, for a lease or for readers of an earlier mount. False, and nothing
/// changes: something of it is being freed, or is not there, or such files take too much of the bound.
bool TorrentStore::hold_in_place(bool for_lease) {
    const ByteRange whole{0, spec_.layout.total_size()};
    std::lock_guard lock(keeping_mutex_);
    if (closed_ || freeing_ > 0) return false;
    if (for_lease && (!evicting_.empty() || !cache_.on_disk(whole) || is_adopted_in(whole))) return false;
    // let_go() has to be able to find out whether the file is mapped. Asked under the lock, here and there:
    // nobody whom the lease lets open the file comes in between, so that no open of the kernel's meets the
    // question.
    if (!held_ && data_.open_elsewhere() == OpenElsewhere::unknown) return false;
    if (!held_ && bound_) {
        const std::uint64_t bytes = DiskBudget::on_disk(whole.end);
        if (!bound_->evictor.take_leased(bytes)) return false;
        leased_bytes_ = bytes;
    }
    held_ = true;
    if (for_lease) ++leases_;
    return true;
}

bool TorrentStore::is_held() const {
    std::lock_guard lock(keeping_mutex_);
    return held_;
}

/// Once: processes that read the data file through a mount that has ended may go on with it, as may any
/// program that has opened it by itself. They would read zeros where a piece is evicted.
void TorrentStore::hold_for_earlier_readers() {
    if (looked_for_earlier_readers_.exchange(true)) return;
    if (data_.open_elsewhere() == OpenElsewhere::yes && hold_in_place(false)) let_go_later();
}

void TorrentStore::end_lease() {
    note_use();
    if (space_) touch({0, spec_.layout.total_size()});
    {
        std::lock_guard lock(keeping_mutex_);
        if (--leases_ > 0) return;
    }
    let_go_later();
}

void TorrentStore::let_go_later() {
    Task look = job([this] { let_go(); });
    if (!look) return;
    pool_.submit_after(kLetGo, this, std::move(look));
    if (closed_) pool_.forget(this);
}

/// Lets the data file be evicted again, unless it is leased or mapped.
void TorrentStore::let_go() {
    bool stays = false;
    {
        std::lock_guard lock(keeping_mutex_);
        if (leases_ > 0 || !held_) return;
        // A file of which the kernel does not tell any more stays, as if it were mapped.
        stays = data_.open_elsewhere() != OpenElsewhere::no;
        held_ = stays;
        if (!stays && bound_) bound_->evictor.give_back_leased(std::exchange(leased_bytes_, 0));
    }
    if (stays) return let_go_later();
    log::debug("cache: {} is read by nobody but this process again", spec_.identity.cache_key());
    if (!space_) return;
    // Pieces that were found damaged meanwhile, and were not fetched again, take their space still.
    space_->at_rest().for_each([this](PieceIndex piece) {
        if (!cache_.has(spec_.layout.piece_range(piece))) space_->gone(piece);
    });
    room_may_be_made();
}

/// The place of a damaged piece is about to be freed: until end_freeing() nothing is leased. False: it has to
/// stay as it is.
bool TorrentStore::begin_freeing() {
    std::lock_guard lock(keeping_mutex_);
    if (held_) return false;
    ++freeing_;
    return true;
}

void TorrentStore::end_freeing() {
    std::lock_guard lock(keeping_mutex_);
    --freeing_;
}

}  // namespace btfs
