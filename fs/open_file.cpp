#include "fs/open_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "fs/container_index.hpp"
#include "fs/pending_read.hpp"
#include "fs/series.hpp"

namespace btfs {
namespace {

constexpr std::uint64_t kWorthTelling = 256 * 1024;
/// While the next file is being begun, how far the reader goes until that is thought about again.
constexpr std::uint64_t kLookAgain = std::uint64_t{1} << 20;
constexpr std::uint64_t kExpected = std::uint64_t{4} << 20;
/// Length of a file's beginning and end; whole pieces are fetched for them.
constexpr std::uint64_t kEdge = 64 * 1024;
/// A player has read so much in sequence, or a twentieth of the file: an index at the file's end is shorter.
constexpr std::uint64_t kPlayedRun = kMaxIndexLength, kPlayedPart = 20;
/// Beginning of the next file, by the pace of this one.
constexpr Duration kNextFileTime = 3s;
constexpr std::uint64_t kShortestBeginning = std::uint64_t{2} << 20,
                        kLongestBeginning = std::uint64_t{8} << 20;
constexpr Duration kRetryTime = 1s;  // the kernel's retry comes at once; a reader's own comes later

/// The kernel's smallest READ of a cached file.
std::uint64_t page_size() {
    static const auto size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    return size;
}

/// The part of a window that is reached before the next time it is told of, and some more.
ByteRange next_of(ByteRange window) {
    return window.intersection({window.begin, window.begin + kExpected + window.size() / 8});
}

ByteView as_view(const iovec& part) {
    return {static_cast<const std::byte*>(part.iov_base), part.iov_len};
}

/// Returns the beginning of an answer, of which container_index() needs the first kilobytes: its first part
/// or, if a piece ends soon after the file's beginning, a copy of the first parts.
ByteView beginning_of(std::span<const iovec> parts, std::vector<std::byte>& copy) {
    if (parts.size() == 1 || parts.front().iov_len >= kEdge) return as_view(parts.front());
    for (const iovec& part : parts) {
        const ByteView view = as_view(part);
        const ByteView first = view.first(std::min<std::size_t>(view.size(), kEdge - copy.size()));
        copy.insert(copy.end(), first.begin(), first.end());
    }
    return copy;
}

/// Copies so many bytes of the end of an answer as zip_directory() looks at.
std::vector<std::byte> end_of(std::span<const iovec> parts) {
    std::vector<std::byte> bytes;
    for (auto part = parts.rbegin(); part != parts.rend() && bytes.size() < kZipEnd; ++part) {
        const ByteView view = as_view(*part);
        const ByteView last = view.last(std::min<std::size_t>(view.size(), kZipEnd - bytes.size()));
        bytes.insert(bytes.begin(), last.begin(), last.end());
    }
    return bytes;
}

}  // namespace

OpenFile::OpenFile(ReaderId reader, std::shared_ptr<const MountedTorrent> torrent, ByteRange extent,
                   std::uint64_t inode, RemoteReader remote)
    : reader_(reader),
      torrent_(std::move(torrent)),
      extent_(extent),
      inode_(inode),
      remote_(std::move(remote)),
      readahead_(extent.size()),
      may_have_index_(extent.size() >= kMayBeScanned),
      tail_is_news_(may_have_index_) {}

/// Null if the READ was answered.
PendingRead* OpenFile::find(ReadId id) const {
    const auto found = std::ranges::find(reads_, id, &PendingRead::id);
    return found == reads_.end() ? nullptr : *found;
}

bool OpenFile::any_parked() const {
    return std::ranges::any_of(reads_, &PendingRead::is_parked);
}

void OpenFile::treat_as_scan() {
    std::lock_guard lock(mutex_);
    scan_ = true;
    may_have_index_ = tail_is_news_ = false;
}

void OpenFile::doubt() {
    {
        std::lock_guard lock(mutex_);
        in_doubt_for_ = kReadsOnFor;
    }
    post();
}

OpenFile::Begun OpenFile::begin(PendingRead& read, TimePoint now) {
    const ByteRange range_in_torrent = read.range_in_torrent();
    std::lock_guard lock(mutex_);
    quiet_ = false;
    if (in_doubt_for_) {
        const std::uint64_t left = *in_doubt_for_ - std::min(*in_doubt_for_, range_in_torrent.size());
        in_doubt_for_ = left > 0 ? std::optional(left) : std::nullopt;
    }
    last_thread_ = read.thread();
    if (std::exchange(may_have_index_, false) && range_in_torrent.begin < extent_.begin + kEdge) {
        wants_index_ = head_is_news_ = true;
        index_ = {{extent_.end - kEdge, extent_.end}};
    }
    auto behind = readahead_.on_read(
        {range_in_torrent.begin - extent_.begin, range_in_torrent.end - extent_.begin}, now);
    // Ids are drawn before this lock is taken, so two threads may come in the other order.
    reads_.insert(std::ranges::upper_bound(reads_, read.id(), {}, &PendingRead::id), &read);
    if (behind) behind = {behind->begin + extent_.begin, behind->end + extent_.begin};
    const bool seeks_episode = !next_was_sought_ && is_played() && !want_next_file();
    if (reads_on_ || readahead_.sequence().size() < kScanLooksAt) return {behind, false, seeks_episode};
    reads_on_ = true;
    scan_ = false;
    return {behind, true, seeks_episode};
}

/// Returns true if the reader has come to most of the file, in sequence and at the pace of a player.
bool OpenFile::is_played() const {
    const ByteRange sequence = readahead_.sequence();
    const auto size = static_cast<double>(extent_.size()),
               rate = static_cast<double>(readahead_.bytes_per_second());
    return !scan_ &&
           sequence.size() >= std::max(kEstablishedRun, std::min(kPlayedRun, extent_.size() / kPlayedPart)) &&
           static_cast<double>(sequence.end) >= kMostOfAFile * size && rate > 0 &&
           size >= rate * seconds(kShortestPlay);
}

NodeIndex OpenFile::node() const {
    const auto nodes = torrent_->tree.nodes();
    const auto self = std::ranges::find(nodes, inode_, &Node::inode);
    return self == nodes.end() ? 0 : torrent_->tree.index_of(*self);
}

/// False if the torrent has no next file.
bool OpenFile::want_next_file() {
    next_was_sought_ = true;
    const auto found = next_in_series(torrent_->tree, node());
    if (found) want_beginning(torrent_->tree.nodes()[*found]);
    return found.has_value();
}

void OpenFile::want_episode(ReaderId reader, const std::shared_ptr<const MountedTorrent>& torrent,
                            NodeIndex file) {
    std::lock_guard lock(mutex_);
    if (quiet_ || episode_) return;
    episode_ = torrent;
    episode_reader_ = reader;
    want_beginning(torrent->tree.nodes()[file]);
}

void OpenFile::want_beginning(const Node& next) {
    const ByteRange file{next.offset_in_torrent, next.offset_in_torrent + next.size};
    const std::uint64_t beginning =
        std::clamp(readahead_.bytes_per_second() * static_cast<std::uint64_t>(seconds(kNextFileTime)),
                   kShortestBeginning, kLongestBeginning);
    later_ = {file.intersection({file.begin, file.begin + beginning}),
              {file.end - std::min(kEdge, next.size), file.end}};
    later_is_news_ = true;
    next_ = file;
}

/// Receives the beginning of the next file, and wants its index where that says that it is.
class OpenFile::NextHead final : public ReadReply {
  public:
    NextHead(std::shared_ptr<OpenFile> reader, ByteRange file) : reader_(std::move(reader)), file_(file) {}

    void data(std::span<const iovec> bytes) override {
        std::vector<std::byte> copy;
        const auto index = container_index(beginning_of(bytes, copy), file_.size());
        {
            std::lock_guard lock(reader_->mutex_);
            if (!index || reader_->quiet_) return;
            reader_->later_.push_back({file_.begin + index->begin, file_.begin + index->end});
            reader_->later_is_news_ = true;
        }
        reader_->post();  // there may be no further READ
    }
    void fail(Error) override {}

  private:
    const std::shared_ptr<OpenFile> reader_;
    const ByteRange file_;
};

/// Null if it was removed.
std::shared_ptr<const MountedTorrent> OpenFile::torrent_of_next() const {
    return episode_ ? episode_->lock() : torrent_;
}

/// Reads the beginning of the next file if it is here. Not under the lock.
void OpenFile::look_at_next_file() {
    std::shared_ptr<const MountedTorrent> torrent;  // its last owner is not to destroy it under the lock
    std::unique_lock lock(mutex_);
    const ByteRange file = next_, head = file.intersection({file.begin, file.begin + kEdge});
    torrent = torrent_of_next();
    const ReaderId reader = episode_ ? episode_reader_ : reader_;
    lock.unlock();
    if (head.empty() || !torrent || !torrent->reads.has(head)) return;
    lock.lock();
    if (std::exchange(next_, {}).empty()) return;
    lock.unlock();
    // The reader's own number is that of no READ.
    if (torrent->reads.read(reader, head, std::make_unique<NextHead>(shared_from_this(), file)) ==
        ReadOutcome::parked)
        torrent->reads.cancel(reader, Errc::cancelled);
}

/// Posts the demand of the next episode to its torrent. Only post() calls this, so that posts never overtake
/// each other. Not under the lock.
void OpenFile::post_episode(bool window_is_here) {
    std::shared_ptr<const MountedTorrent> torrent;  // its last owner is not to destroy it under the lock
    std::unique_lock lock(mutex_);
    if (!episode_ || (!told_episode_ && !window_is_here && !quiet_)) return;
    torrent = episode_->lock();
    const bool told = told_episode_;
    ReaderDemand wanted;
    if (!quiet_ && torrent) wanted.later = later_;
    lock.unlock();
    std::erase_if(wanted.later, [&](ByteRange range) { return torrent->reads.has(range); });
    if (torrent && (told || !wanted.idle())) torrent->demand.set_demand(episode_reader_, wanted);
    lock.lock();
    if (wanted.idle() && !later_is_news_) later_.clear();
    told_episode_ = !wanted.idle();
}

OpenFile::Parked OpenFile::on_parked(ReadId id, TimePoint now, std::uint64_t bytes_had) {
    std::lock_guard lock(mutex_);
    PendingRead* const read = find(id);
    if (read == nullptr) return Parked::answered;
    if (!any_parked()) readahead_.on_blocked(now);
    read->park(now, bytes_had);
    return read->is_cancelled() ? Parked::cancelled : Parked::waiting;
}

void OpenFile::on_again(PendingRead& earlier, PendingRead& again, TimePoint now) {
    std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(reads_, &earlier);
    assert(found != reads_.end());
    const bool was_parked = earlier.is_parked();
    again.replace(earlier);
    *found = &again;
    if (was_parked && !any_parked()) readahead_.on_served(now);
}

bool OpenFile::look_for_index(ByteRange range_in_torrent, std::span<const iovec> bytes) {
    const bool is_head = range_in_torrent.begin == extent_.begin,
               is_tail = range_in_torrent.end == extent_.end;
    if ((!is_head && !is_tail) || bytes.empty()) return false;
    std::lock_guard lock(mutex_);
    if (quiet_) return false;
    std::optional<ByteRange> index;
    std::vector<std::byte> copy;
    if (is_head && std::exchange(head_is_news_, false))
        index = container_index(beginning_of(bytes, copy), extent_.size());
    if (!index && is_tail && std::exchange(tail_is_news_, false))
        index = zip_directory(end_of(bytes), extent_.size());
    if (!index) return false;
    index_.push_back({extent_.begin + index->begin, extent_.begin + index->end});
    wants_index_ = true;
    return true;
}

void OpenFile::end(PendingRead& read, const Error& outcome, TimePoint now) {
    std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(reads_, &read);
    assert(found != reads_.end());
    reads_.erase(found);
    if (outcome == Errc::timed_out) {
        timed_out_ = read.range_in_torrent();
        timed_out_at_ = now;
    }
    if (read.unpark() && !any_parked()) readahead_.on_served(now);
}

std::set<pid_t> OpenFile::threads() const {
    std::lock_guard lock(mutex_);
    std::set<pid_t> threads;
    if (reads_.empty() && !told_anything_ && !wants_index_) return threads;
    for (const PendingRead* read : reads_) threads.insert(read->thread());
    threads.insert(last_thread_);
    return threads;
}

std::vector<ReadId> OpenFile::on_flush(const Readers& readers) {
    const auto what_became_of = [&](pid_t thread) {
        const auto found = readers.find(thread);
        return found == readers.end() ? Reader::reads : found->second;
    };
    std::lock_guard lock(mutex_);
    flushed_ = true;
    if (readers.empty() || what_became_of(last_thread_) != Reader::reads) {
        quiet_ = true;
        wants_index_ = false;
        later_.clear();
        next_ = {};
    }
    std::vector<ReadId> ids;
    for (PendingRead* read : reads_) {
        const Reader reader = what_became_of(read->thread());
        if (reader == Reader::reads) continue;
        if (reader == Reader::has_closed && read->range_in_torrent().size() <= page_size()) continue;
        read->cancel();
        ids.push_back(read->id());
    }
    return ids;
}

std::vector<ReadId> OpenFile::of_the_gone(const Readers& readers) {
    std::lock_guard lock(mutex_);
    std::vector<ReadId> ids;
    for (PendingRead* read : reads_) {
        const auto found = readers.find(read->thread());
        if (!read->is_parked() || found == readers.end() || found->second != Reader::gone) continue;
        read->cancel();
        ids.push_back(read->id());
    }
    return ids;
}

bool OpenFile::on_interrupt(ReadId id) {
    std::lock_guard lock(mutex_);
    PendingRead* const read = find(id);
    if (read != nullptr) read->cancel();
    return read != nullptr;
}

std::vector<ReadId> OpenFile::expired(TimePoint now, Duration timeout, std::uint64_t bytes_had) {
    std::lock_guard lock(mutex_);
    std::vector<ReadId> ids;
    for (PendingRead* read : reads_) {
        if (read->has_expired(now, timeout, bytes_had)) ids.push_back(read->id());
    }
    return ids;
}

std::vector<std::pair<ReadId, pid_t>> OpenFile::maybe_abandoned() const {
    std::lock_guard lock(mutex_);
    std::vector<std::pair<ReadId, pid_t>> reads;
    for (const PendingRead* read : reads_) {
        if (flushed_ && read->is_blocked()) reads.emplace_back(read->id(), read->thread());
    }
    return reads;
}

bool OpenFile::is_retry_of_timeout(ByteRange range_in_torrent, TimePoint now) const {
    std::lock_guard lock(mutex_);
    return timed_out_ && range_in_torrent.size() <= page_size() && now - timed_out_at_ < kRetryTime &&
           timed_out_->intersection(range_in_torrent) == range_in_torrent;
}

ByteRange OpenFile::window() const {
    if (quiet_ || scan_ || in_doubt_for_) return {};
    const ByteRange in_file = readahead_.window();
    return {in_file.begin + extent_.begin, in_file.end + extent_.begin};
}

bool OpenFile::window_moved() const {
    if (later_is_news_) return true;
    const ByteRange now = window();
    if (now.empty() != considered_.empty()) return true;
    if (now.begin > considered_.end || now.begin + kForwardTolerance < considered_.begin)
        return true;  // a seek
    if (now.end == extent_.end && now.end == considered_.end)
        return !later_.empty() && now.begin >= considered_.begin + kLookAgain;  // it may be here meanwhile
    if (now.end == extent_.end) return true;
    const std::uint64_t moved = std::max(now.end, considered_.end) - std::min(now.end, considered_.end);
    return moved >= std::max(kWorthTelling, now.size() / 8);
}

ReaderDemand OpenFile::demand() const {
    ReaderDemand demand;
    for (const PendingRead* read : reads_) {
        if (read->is_blocked()) demand.blocked.push_back(read->range_in_torrent());
    }
    if (wants_index_) demand.edges = index_;
    demand.window = window();
    if (!quiet_ && !episode_) demand.later = later_;
    demand.bytes_per_second = readahead_.bytes_per_second();
    demand.may_trade = !scan_;
    return demand;
}

ReaderStatus OpenFile::status(TimePoint now) const {
    std::lock_guard lock(mutex_);
    ReaderStatus status{.reader = reader_,
                        .size = extent_.size(),
                        .thread = last_thread_,
                        .remote = remote_,
                        .window = quiet_ || scan_ || in_doubt_for_ ? ByteRange{} : readahead_.window(),
                        .bytes_per_second = readahead_.bytes_per_second(),
                        .scan = scan_};
    for (const PendingRead* read : reads_) {
        if (!read->is_blocked()) continue;
        ++status.waiting;
        status.waited = std::max(status.waited, now - read->parked_at());
    }
    return status;
}

void OpenFile::post_if_moved() {
    {
        std::lock_guard lock(mutex_);
        if (!window_moved()) return;
    }
    post();
}

void OpenFile::post() {
    std::unique_lock lock(mutex_);
    news_ = true;
    if (posting_) return;
    posting_ = true;
    while (std::exchange(news_, false)) {
        if (released_) {
            const auto next_torrent = episode_ ? episode_->lock() : nullptr;
            lock.unlock();
            torrent_->demand.drop(reader_);
            if (next_torrent) next_torrent->demand.drop(episode_reader_);
            return;  // posting_ stays: nobody talks to the sink any more
        }
        ReaderDemand wanted = demand();
        considered_ = wanted.window;
        later_is_news_ = false;
        const bool told_anything = told_anything_;
        const std::size_t places = index_.size();
        const ByteRange told_here = told_here_;
        lock.unlock();
        torrent_->reads.expect(next_of(wanted.window));
        look_at_next_file();
        ByteRange here;
        if (!wanted.window.empty() && torrent_->reads.has(wanted.window)) std::swap(wanted.window, here);
        std::erase_if(wanted.edges, [&](ByteRange edge) { return torrent_->reads.has(edge); });
        std::erase_if(wanted.later, [&](ByteRange range) { return torrent_->reads.has(range); });
        const bool index_is_here = wanted.edges.empty(), next_is_here = wanted.later.empty();
        const bool window_is_here = wanted.window.empty() && wanted.blocked.empty();
        if (told_anything || !wanted.idle()) torrent_->demand.set_demand(reader_, wanted);
        if (wanted.idle() && !(here.empty() && told_here.empty())) torrent_->demand.keep(reader_, here);
        post_episode(window_is_here);
        lock.lock();
        if (index_is_here && places == index_.size()) wants_index_ = false;
        if (next_is_here && !later_is_news_ && !episode_) later_.clear();
        told_anything_ = !wanted.idle();
        told_here_ = wanted.idle() ? here : ByteRange{};
    }
    posting_ = false;
}

void OpenFile::release() {
    {
        std::lock_guard lock(mutex_);
        released_ = true;
    }
    post();
}

}  // namespace btfs
