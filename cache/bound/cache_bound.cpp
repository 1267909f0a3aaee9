#include "cache/bound/cache_bound.hpp"

#include <algorithm>

#include "engine/log/log.hpp"

namespace btfs {
namespace {

/// Of the bound, what the file system's own records of the files may take: one part in so many, and some.
constexpr std::uint64_t kRecordsShare = 256;
constexpr std::uint64_t kLeastRecords = 64 << 10;

}  // namespace

CacheBound::CacheBound(std::shared_ptr<Files> files, DiskPool& pool, const CacheSizes& sizes)
    : files_(std::move(files)),
      pool_(pool),
      sizes_(sizes),
      evictor_(budget_, pool),
      closed_(files_, budget_, pool, [this] { evictor_.wake(); }) {
    share();
    closed_.rescan();
    budget_.set_limit(limit_now());
    evictor_.add(closed_, 0);
    look_later();
}

CacheBound::~CacheBound() {
    evictor_.remove(closed_);
    ending_ = true;
    pool_.forget(this);
    jobs_.wait_until_unused();
}

/// Returns what the budget may hand out: the bound, or less while others leave too little of the disk free.
std::uint64_t CacheBound::limit_now() const {
    std::uint64_t limit = sizes_.most, reach = DiskBudget::kUnlimited;
    if (const auto free = files_->bytes_free()) {
        reach = budget_.used() + *free;
        const std::uint64_t wanted = reach > sizes_.left_free ? reach - sizes_.left_free : 0;
        limit = std::min(limit, std::max(wanted, std::min(kLeast, reach)));
    }
    if (limit == DiskBudget::kUnlimited) return limit;
    limit -= std::min(limit / 2, limit / kRecordsShare + kLeastRecords);
    return std::max(limit, std::min({sizes_.most, reach, kFewestPieces * evictor_.largest_piece()}));
}

void CacheBound::share() {
    const Result<FileStatus> directory = files_->status(".");
    if (!directory) return;
    auto shared = SharedUse::open(*directory);
    if (!shared) {
        log::debug("cache: its use is not shared with other processes: {}", shared.error().message());
        return;
    }
    shared_ = std::move(*shared);
    budget_.share(*shared_);
}

bool CacheBound::may_hold(std::uint64_t piece_length) const {
    return piece_length <= std::max(sizes_.most, kLeast) / kFewestPieces;
}

void CacheBound::look_again() {
    // A process that ends after this was asked counts twice until the next time, and not for a moment not at
    // all.
    const std::vector<unsigned> ended = shared_ ? shared_->ended() : std::vector<unsigned>();
    closed_.rescan();
    if (shared_) shared_->drop(ended);
    budget_.set_limit(limit_now());
    look_later();
}

void CacheBound::look_later() {
    pool_.submit_after(kRescan, this, [this, token = jobs_.use()] { look_again(); });
    if (ending_) pool_.forget(this);
}

}  // namespace btfs
