#include "fs/pending_read.hpp"

#include <cassert>
#include <numeric>
#include <thread>
#include <utility>

#include "fs/read_path.hpp"

namespace btfs {

PendingRead::PendingRead(ReadPath& path, std::shared_ptr<OpenFile> file, ReadId id,
                         ByteRange range_in_torrent, pid_t thread, std::unique_ptr<InterruptibleReply> reply,
                         TimePoint came_at)
    : path_(path),
      file_(std::move(file)),
      id_(id),
      range_in_torrent_(range_in_torrent),
      thread_(thread),
      came_at_(came_at),
      reply_(std::move(reply)) {}

PendingRead::~PendingRead() {
    if (take()) ended(Errc::storage_failed)->fail(Errc::storage_failed);
    if (state_ == State::answered) {
        path_.left(*this);
    } else {
        while (state_ != State::abandoned) std::this_thread::yield();  // its answer is being given
    }
}

void PendingRead::data(std::span<const iovec> bytes) {
    const auto size =
        std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0},
                        [](std::uint64_t sum, const iovec& part) { return sum + part.iov_len; });
    assert(size == range_in_torrent_.size());
    // A short answer would make the kernel shrink the file.
    if (size != range_in_torrent_.size()) return fail(Errc::storage_failed);
    if (!take()) return;
    const auto file = file_;  // the answer may bring the RELEASE
    const bool knows_index = file->look_for_index(range_in_torrent_, bytes);
    ended({})->data(bytes);
    if (knows_index) file->post();
}

void PendingRead::fail(Error error) {
    if (take()) ended(error)->fail(error);
}

void PendingRead::again() {
    if (!take()) return;
    auto read = std::make_unique<PendingRead>(path_, file_, id_, range_in_torrent_, thread_,
                                              std::move(reply_), came_at_);
    file_->on_again(*this, *read, path_.now_());
    path_.came(*read);
    path_.ask(std::move(read));
}

void PendingRead::end_abandoned(const Error& error) {
    ended(error)->fail(error);
    state_ = State::abandoned;
}

std::unique_ptr<InterruptibleReply> PendingRead::ended(const Error& outcome) {
    assert(reply_);
    const TimePoint now = path_.now_();
    file_->end(*this, outcome, now);
    const Duration took = now - came_at_;
    if (has_waited_) path_.times_.count_wait(took);
    if (!outcome)
        path_.times_.count(has_waited_ ? ReadSource::swarm : ReadSource::cache, took,
                           range_in_torrent_.size());
    return std::move(reply_);
}

void PendingRead::park(TimePoint now, std::uint64_t bytes_had) {
    if (!std::exchange(parked_, true)) ++path_.parked_count_;
    has_waited_ = true;
    parked_at_ = progress_at_ = now;
    bytes_had_ = bytes_had;
}

bool PendingRead::unpark() {
    if (!std::exchange(parked_, false)) return false;
    --path_.parked_count_;
    return true;
}

bool PendingRead::has_expired(TimePoint now, Duration timeout, std::uint64_t bytes_had) {
    if (!parked_) return false;
    if (bytes_had_ == bytes_had) return now - progress_at_ >= timeout;
    bytes_had_ = bytes_had;
    progress_at_ = now;
    return false;
}

void PendingRead::replace(PendingRead& earlier) {
    earlier.unpark();
    cancelled_ = earlier.cancelled_;
    has_waited_ = earlier.has_waited_;
}

}  // namespace btfs
