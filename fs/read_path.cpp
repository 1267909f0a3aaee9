#include "fs/read_path.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "fs/scanner_names.hpp"

namespace btfs {
namespace {

constexpr Duration kAbandonAgain = 5ms;

}  // namespace

class ReadPath::Waiter {
  public:
    explicit Waiter(ReadPath& path) : path_(path), may_wait_(path.may_wait_.fetch_sub(1) > 0) {}
    ~Waiter() { ++path_.may_wait_; }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    bool may_wait() const { return may_wait_; }

  private:
    ReadPath& path_;
    const bool may_wait_;
};

ReadPath::~ReadPath() {
    assert(first_under_way_ == nullptr);
}

OpenFile& ReadPath::open(std::shared_ptr<const MountedTorrent> torrent, ByteRange extent, std::uint64_t inode,
                         const RemoteReader& remote) {
    auto file = std::make_shared<OpenFile>(++last_id_, std::move(torrent), extent, inode, remote);
    std::vector<std::shared_ptr<OpenFile>> earlier;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [reader, other] : files_)
            if (other->is_of_same_client(*file)) earlier.push_back(other);
        files_.emplace(file->reader(), file);
    }
    for (const auto& other : earlier) other->doubt();
    return *file;
}

bool ReadPath::is_scan(const OpenFile& file, pid_t thread) {
    if (is_scanner(processes_.name(thread))) return true;
    std::lock_guard lock(mutex_);
    return !openings_.admits(file.inode(), now_());
}

std::optional<ByteRange> ReadPath::read(OpenFile& of, const Request& request,
                                        std::unique_ptr<InterruptibleReply> reply) {
    const auto file = of.shared_from_this();  // the answer may come, and the release, before we are through
    ReadSide& reads = file->torrent().reads;
    const std::uint64_t begin = file->extent().begin;
    const ByteRange range{begin + request.range_in_file.begin, begin + request.range_in_file.end};
    assert(!range.empty() && range.end <= file->extent().end);
    if (file->is_retry_of_timeout(range, now_()) && !reads.has(range)) {
        reply->fail(Errc::timed_out);
        return std::nullopt;
    }

    const TimePoint now = now_();
    auto read =
        std::make_unique<PendingRead>(*this, file, ++last_id_, range, request.thread, std::move(reply), now);
    if (file->begins() && is_scan(*file, request.thread)) {
        file->treat_as_scan();
        ++scan_count_;
    }
    const auto [behind, reads_on, seeks_episode] = file->begin(*read, now);
    if (seeks_episode && find_episode_)
        if (const auto next = find_episode_(file->torrent(), file->node()))
            file->want_episode(++last_id_, next->torrent, next->file);
    if (reads_on) {
        std::lock_guard lock(mutex_);
        openings_.on_read_on(file->inode());
    }
    read->watch_interrupts();
    came(*read);
    const Waiter waiter(*this);
    read->let_wait_for_disk(waiter.may_wait());
    ask(std::move(read));
    if (!behind || !reads.leave_behind(*behind)) return std::nullopt;
    return ByteRange{behind->begin - begin, behind->end - begin};
}

/// Asks the cache: for the first time, or again when it lost what it had.
void ReadPath::ask(std::unique_ptr<PendingRead> read) {
    const auto file = read->file();
    const ReadId id = read->id();
    ReadSide& reads = file->torrent().reads;
    const ByteRange range = read->range_in_torrent();
    if (reads.read(id, range, std::move(read)) == ReadOutcome::answered) return file->post_if_moved();

    // A READ that is made again may overtake what is left to do for the first time.
    const OpenFile::Parked how = file->on_parked(id, now_(), reads.bytes_had());
    if (how == OpenFile::Parked::answered) return file->post_if_moved();
    const std::int64_t over = parked_count_ - parked_limit_;
    if (how == OpenFile::Parked::cancelled) {
        reads.cancel(id, Errc::cancelled);
    } else if (over > 0) {
        end_abandoned(static_cast<std::size_t>(over));
    }
    file->post();
}

void ReadPath::cancel(OpenFile& file, const std::vector<ReadId>& ids, Error error) {
    for (ReadId id : ids) file.torrent().reads.cancel(id, error);
}

OpenFile::Reader ReadPath::what_became_of(pid_t thread, const OpenFile& file, pid_t closer) const {
    switch (processes_.life(thread)) {
        case Processes::Life::gone:
            return OpenFile::Reader::gone;
        case Processes::Life::unknown:
            // The closing thread itself waits for no READ. If it lives, it asks again for what it needs.
            return thread == closer ? OpenFile::Reader::gone : OpenFile::Reader::reads;
        case Processes::Life::alive:
            break;
    }
    return processes_.may_have_open(thread, file.inode()) ? OpenFile::Reader::reads
                                                          : OpenFile::Reader::has_closed;
}

void ReadPath::flush(OpenFile& file, pid_t closer) {
    OpenFile::Readers readers;
    for (pid_t thread : file.threads()) readers[thread] = what_became_of(thread, file, closer);
    const auto ids = file.on_flush(readers);
    cancel(file, ids, Errc::cancelled);
    if (ids.empty()) {
        file.post_if_moved();
    } else {
        file.post();
    }
}

void ReadPath::end_reads_of_the_gone() {
    if (parked_count_ == 0) return;
    for (const auto& file : open_files()) {
        OpenFile::Readers readers;
        for (pid_t thread : file->threads()) {
            if (processes_.life(thread) == Processes::Life::gone) readers[thread] = OpenFile::Reader::gone;
        }
        if (readers.empty()) continue;
        const auto ids = file->of_the_gone(readers);
        cancel(*file, ids, Errc::cancelled);
        if (!ids.empty()) file->post();
    }
}

void ReadPath::release(OpenFile& file) {
    std::shared_ptr<OpenFile> last;
    {
        std::lock_guard lock(mutex_);
        const auto found = files_.find(file.reader());
        assert(found != files_.end());
        last = std::move(found->second);
        files_.erase(found);
    }
    last->release();
}

// Interruptions are rare, so that finding the file by search costs less than an index of all READs.
void ReadPath::interrupt(ReadId id) {
    for (const auto& file : open_files()) {
        if (!file->on_interrupt(id)) continue;
        if (file->torrent().reads.cancel(id, Errc::cancelled)) file->post();
        return;
    }
}

void ReadPath::expire(Duration timeout) {
    for (const auto& file : open_files()) {
        ReadSide& reads = file->torrent().reads;
        const auto ids = file->expired(now_(), timeout, reads.bytes_had());
        cancel(*file, ids, Errc::timed_out);
        if (!ids.empty()) file->post();
    }
}

bool ReadPath::wait_until_idle(Duration at_most) {
    std::unique_lock lock(under_way_mutex_);
    return idle_.wait_for(lock, at_most, [&] { return first_under_way_ == nullptr; });
}

// Answers are given under the lock, against the rule: it keeps the replies alive, and at the end of a mount
// nobody else wants it for long.
void ReadPath::abandon_reads(const Error& error) {
    std::unique_lock lock(under_way_mutex_);
    do {
        for (PendingRead* at = first_under_way_; at != nullptr;) {
            PendingRead& read = *at;
            at = read.after_;
            if (!read.begin_abandoned()) continue;
            unlink(read);
            read.end_abandoned(error);
        }
        // The others are being answered, or are made again and come back.
    } while (!idle_.wait_for(lock, kAbandonAgain, [&] { return first_under_way_ == nullptr; }));
}

void ReadPath::came(PendingRead& read) {
    std::lock_guard lock(under_way_mutex_);
    read.after_ = first_under_way_;
    if (first_under_way_ != nullptr) first_under_way_->before_ = &read;
    first_under_way_ = &read;
}

void ReadPath::left(PendingRead& read) {
    // Notified under the lock: whoever waits for the last one then destroys this.
    std::lock_guard lock(under_way_mutex_);
    unlink(read);
}

void ReadPath::unlink(PendingRead& read) {
    (read.before_ == nullptr ? first_under_way_ : read.before_->after_) = read.after_;
    if (read.after_ != nullptr) read.after_->before_ = read.before_;
    if (first_under_way_ == nullptr) idle_.notify_all();
}

std::vector<std::shared_ptr<OpenFile>> ReadPath::open_files() const {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<OpenFile>> files;
    files.reserve(files_.size());
    for (const auto& [reader, file] : files_) files.push_back(file);
    return files;
}

std::size_t ReadPath::open_count() const {
    std::lock_guard lock(mutex_);
    return files_.size();
}

void ReadPath::end_abandoned(std::size_t count) {
    struct Candidate {
        ReadId id;
        pid_t thread;
        std::shared_ptr<OpenFile> file;
    };
    std::vector<Candidate> candidates;
    for (const auto& file : open_files()) {
        for (const auto& [id, thread] : file->maybe_abandoned()) candidates.push_back({id, thread, file});
    }
    std::ranges::sort(candidates, {}, &Candidate::id);
    candidates.resize(std::min(kMaxExamined, candidates.size()));
    for (const auto& [id, thread, file] : candidates) {
        if (what_became_of(thread, *file, thread) == OpenFile::Reader::reads) continue;
        if (file->on_interrupt(id) && file->torrent().reads.cancel(id, Errc::cancelled)) file->post();
        if (--count == 0) return;
    }
}

}  // namespace btfs
