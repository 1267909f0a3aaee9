#include "cache/bound/closed_torrents.hpp"

#include <algorithm>
#include <utility>

#include "cache/records/torrent_files.hpp"
#include "engine/log/log.hpp"

namespace btfs {
namespace {

/// Returns when the file was last changed, in seconds since 1970.
std::uint32_t changed_s(const FileStatus& status) {
    return static_cast<std::uint32_t>(std::max<std::int64_t>(status.modified.tv_sec, 0));
}

/// A file of a torrent or a download; no ending: somebody else's, which is counted, and stays.
struct OwnFile {
    std::string_view ending;
    std::string key;
};

OwnFile own_file(std::string_view name) {
    for (const std::string_view ending :
         {kClaimsEnding, kDataEnding, kInfoEnding, kPeersEnding, kDownloadEnding, kPinsEnding}) {
        if (!name.ends_with(ending)) continue;
        std::string key = key_in(name, ending);
        return identity_of(key) ? OwnFile{ending, std::move(key)} : OwnFile{};
    }
    return {};
}

}  // namespace

void ClosedTorrents::Closed::take_data(const FileStatus& status) {
    earlier.bytes_on_disk = status.bytes_on_disk;
    bytes_on_disk += status.bytes_on_disk;
}

void ClosedTorrents::Closed::take_claims(const FileStatus& status) {
    earlier.last_used_s = changed_s(status);
    bytes_on_disk += status.bytes_on_disk;
}

void ClosedTorrents::Closed::take_small_file(const FileStatus& status) {
    is_file = true;
    earlier.last_used_s = changed_s(status);
    bytes_on_disk = status.bytes_on_disk;
}

ClosedTorrents::ClosedTorrents(std::shared_ptr<Files> files, DiskBudget& budget, DiskPool& pool,
                               std::function<void()> on_stays)
    : files_(std::move(files)), budget_(budget), pool_(pool), on_stays_(std::move(on_stays)) {}

void ClosedTorrents::rescan() {
    std::lock_guard disk_lock(disk_mutex_);
    count_all();
}

/// disk_mutex_ is held.
void ClosedTorrents::count_all() {
    const auto names = files_->list();
    if (!names) return;  // of what is not seen the count stays as it was
    std::map<std::string, Closed> found;
    struct SmallFile {
        std::string key;
        std::string_view ending;
        FileStatus status;
    };
    std::vector<SmallFile> small_files;  // those without content are no torrents here
    std::set<std::string> pinned;
    std::uint64_t bytes = 0;
    for (const std::string& name : *names) {
        const auto [ending, key] = own_file(name);
        const bool is_data = ending == kDataEnding;
        const auto opening = is_data ? opening_.find(key) : opening_.end();
        if (is_data && open_.contains(key) && opening == opening_.end()) continue;  // its store counts it
        const Result<FileStatus> status = files_->status(name);
        if (!status) continue;
        bytes += status->bytes_on_disk;
        if (opening != opening_.end()) {
            opening->second = status->bytes_on_disk;
        } else if (is_data) {
            found[key].take_data(*status);
        } else if (ending == kClaimsEnding) {
            if (!open_.contains(key)) found[key].take_claims(*status);
        } else if (ending == kInfoEnding || ending == kPeersEnding) {
            small_files.push_back({key, ending, *status});
        } else if (ending == kDownloadEnding) {
            found[name].take_small_file(*status);
        } else if (ending == kPinsEnding) {
            pinned.insert(key);
        }
    }
    for (const auto& [key, ending, status] : small_files) {
        const auto torrent = found.find(key);
        if (torrent != found.end()) {
            torrent->second.bytes_on_disk += status.bytes_on_disk;
        } else if (!open_.contains(key)) {
            found[torrent_file(key, ending)].take_small_file(status);
        }
    }
    for (auto& [key, closed] : found) {
        if (closed.is_file) continue;
        closed.in_use = is_in_use(key);
        if (closed.in_use && budget_.is_shared())
            bytes -= closed.earlier.bytes_on_disk;  // its process tells of it
    }
    std::lock_guard lock(mutex_);
    for (auto& [key, closed] : found) {
        closed.pinned = pinned.contains(key);
        const auto before = closed_.find(key);
        if (before != closed_.end()) closed.leaves = before->second.leaves;
    }
    closed_ = std::move(found);
    recount(bytes);
}

void ClosedTorrents::will_write(std::uint64_t size) {
    std::lock_guard lock(mutex_);
    recount(counted_ + DiskBudget::on_disk(size));
}

/// True: another process has the torrent open.
bool ClosedTorrents::is_in_use(const std::string& cache_key) const {
    const auto claims = files_->open(torrent_file(cache_key, kClaimsEnding), {});
    return claims && (*claims)->is_locked();
}

std::optional<ClosedTorrents::Earlier> ClosedTorrents::take_out(const std::string& cache_key) {
    std::lock_guard disk_lock(disk_mutex_);
    if (!open_.insert(cache_key).second) return std::nullopt;
    std::lock_guard lock(mutex_);
    const auto found = closed_.extract(cache_key);
    const Earlier earlier = found.empty() ? Earlier{} : found.mapped().earlier;
    opening_[cache_key] = earlier.bytes_on_disk;
    return earlier;
}

void ClosedTorrents::opened(const std::string& cache_key, std::uint64_t bytes) {
    std::lock_guard disk_lock(disk_mutex_);
    const auto counted = opening_.extract(cache_key);
    std::lock_guard lock(mutex_);
    recount(counted_ - counted.mapped(), bytes);
}

void ClosedTorrents::put_back(const std::string& cache_key) {
    std::lock_guard disk_lock(disk_mutex_);
    opening_.erase(cache_key);
    open_.erase(cache_key);
    count_all();
}

void ClosedTorrents::closed(const std::string& cache_key, std::uint64_t bytes) {
    std::lock_guard disk_lock(disk_mutex_);
    open_.erase(cache_key);
    Closed closed;
    if (const auto data = files_->status(torrent_file(cache_key, kDataEnding))) closed.take_data(*data);
    if (const auto claims = files_->status(torrent_file(cache_key, kClaimsEnding)))
        closed.take_claims(*claims);
    for (const std::string_view ending : {kInfoEnding, kPeersEnding})
        if (const auto small = files_->status(torrent_file(cache_key, ending)))
            closed.bytes_on_disk += small->bytes_on_disk;
    closed.pinned = bool(files_->status(torrent_file(cache_key, kPinsEnding)));
    std::lock_guard lock(mutex_);
    // Other processes go on counting it as taken until this one has ended: then a scan shows them its files.
    // The torrent's other files were counted here all the time.
    const std::uint64_t before = std::exchange(counted_, counted_ + closed.earlier.bytes_on_disk);
    budget_.recount(before + bytes, counted_);
    closed_[cache_key] = closed;
}

/// Changes the count of this and of a store in one step, so that nobody takes space that is not there, or
/// evicts for content that is counted twice. mutex_ is held.
void ClosedTorrents::recount(std::uint64_t bytes, std::uint64_t store_bytes) {
    budget_.recount(std::exchange(counted_, bytes), bytes, store_bytes);
}

void ClosedTorrents::list_evictable(std::uint32_t owner, std::uint64_t,
                                    std::vector<EvictionCandidate>& candidates) {
    std::lock_guard lock(mutex_);
    listed_.clear();
    for (const auto& [key, closed] : closed_) {
        if (closed.leaves || closed.in_use) continue;
        const Worth::Kind kind = closed.pinned ? Worth::Kind::pinned : Worth::Kind::unread;
        candidates.push_back({{kind, closed.earlier.last_used_s},
                              owner,
                              static_cast<std::uint32_t>(listed_.size()),
                              closed.bytes_on_disk});
        listed_.push_back(key);
    }
}

void ClosedTorrents::evict(std::vector<std::uint32_t> items) {
    std::lock_guard lock(mutex_);
    for (const std::uint32_t item : items) {
        const auto found = closed_.find(listed_[item]);
        if (found == closed_.end() || std::exchange(found->second.leaves, true)) continue;
        const Closed& closed = found->second;
        leaving_ += closed.bytes_on_disk;
        pool_.submit_always(DiskWork::write,
                            [this, token = jobs_.use(), key = found->first, is_file = closed.is_file,
                             bytes = closed.bytes_on_disk] { remove(key, is_file, bytes); });
    }
}

void ClosedTorrents::remove(const std::string& key, bool is_file, std::uint64_t bytes) {
    std::lock_guard disk_lock(disk_mutex_);
    // The torrent may have been opened meanwhile, and a small file be one of it.
    const bool is_open =
        is_file ? open_.contains(key_in(key, kInfoEnding)) || open_.contains(key_in(key, kPeersEnding))
                : open_.contains(key);
    const bool removed = !is_open && !(is_file ? files_->remove(key) : remove_torrent_files(*files_, key));
    if (removed) log::info("cache: {} was evicted", key);
    leaving_ -= bytes;
    if (removed) return count_all();
    {
        std::lock_guard lock(mutex_);
        const auto found = closed_.find(key);
        if (found == closed_.end()) return;
        found->second.leaves = false;
        found->second.in_use = true;
    }
    on_stays_();
}

}  // namespace btfs
