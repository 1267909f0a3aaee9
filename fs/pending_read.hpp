// One READ of the kernel, from its arrival to its answer.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "cache/read_side.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "engine/core/types.hpp"

namespace btfs {

class OpenFile;
class ReadPath;

/// A reply to a READ that the kernel may interrupt.
class InterruptibleReply : public ReadReply {
  public:
    /// Called once, before the reply is shared. From here on ReadPath::interrupt(id) may be called, on any
    /// thread and from inside this call.
    virtual void watch_interrupts(ReadId id) = 0;
};

/// Knows all there is to know about one READ: what it asks for and on which thread, whether it waits in the
/// cache, was cancelled or was answered. Owns the kernel's reply, and promises that it is answered once: with
/// all of the bytes or with an error.
///
/// Its life:
/// - ReadPath::read() makes it and lists it in its OpenFile, where it can be interrupted from then on, and in
///   the ReadPath, which is not idle from then on. Then the cache is asked, and owns it as the reply.
/// - The cache calls data(), fail() or again(), or drops it. The thread that moves the state on from
///   `waiting` ends the READ: it takes it off the OpenFile's list, and answers then, since the answer may
///   bring the kernel's next READ at once.
/// - again() moves the READ into a new object, which takes its place in the OpenFile's list: the cache still
///   has the old one to destroy.
/// - The destructor takes it off the ReadPath's list. The cache may destroy it long after the answer.
/// - ReadPath::abandon_reads() ends it in the cache's stead. From then on it touches neither the ReadPath nor
///   the OpenFile, and may outlive the ReadPath.
class PendingRead final : public ReadReply {
  public:
    PendingRead(ReadPath& path, std::shared_ptr<OpenFile> file, ReadId id, ByteRange range_in_torrent,
                pid_t thread, std::unique_ptr<InterruptibleReply> reply, TimePoint came_at);
    ~PendingRead() override;

    const std::shared_ptr<OpenFile>& file() const { return file_; }
    ReadId id() const { return id_; }
    ByteRange range_in_torrent() const { return range_in_torrent_; }
    pid_t thread() const { return thread_; }  ///< that reads; 0 if it cannot be seen from here

    /// Before the cache is asked.
    void let_wait_for_disk(bool may) { may_wait_for_disk_ = may; }
    void watch_interrupts() { reply_->watch_interrupts(id_); }

    // ---- the cache ----
    bool may_wait_for_disk() const override { return may_wait_for_disk_; }
    void data(std::span<const iovec> bytes) override;
    void fail(Error error) override;
    void again() override;

    // ---- ReadPath, under the mutex of its list ----
    /// True if it was waiting; then end_abandoned() follows, after which this may be gone.
    bool begin_abandoned() { return move_to(State::abandoning); }
    void end_abandoned(const Error& error);

    // ---- OpenFile, under its mutex ----
    /// The cache has parked it while the torrent had so many bytes; it may know that already.
    void park(TimePoint now, std::uint64_t bytes_had);
    /// The READ waits in the cache no longer. Returns true if it did.
    bool unpark();
    bool is_parked() const { return parked_; }
    /// Only of one that is parked.
    TimePoint parked_at() const { return parked_at_; }
    /// Its reader has gone, or has changed its mind. The cache is told by the caller, and does not know a
    /// READ that is not parked yet.
    void cancel() { cancelled_ = true; }
    bool is_cancelled() const { return cancelled_; }
    /// True if its bytes are waited for.
    bool is_blocked() const { return parked_ && !cancelled_; }
    /// True if it has been parked for `timeout` while the torrent's `bytes_had` stood still.
    bool has_expired(TimePoint now, Duration timeout, std::uint64_t bytes_had);
    /// This is `earlier` made again.
    void replace(PendingRead& earlier);

  private:
    friend class ReadPath;
    enum class State : std::uint8_t { waiting, answered, abandoning, abandoned };

    bool take() { return move_to(State::answered); }
    bool move_to(State state) {
        State waiting = State::waiting;
        return state_.compare_exchange_strong(waiting, state);
    }
    std::unique_ptr<InterruptibleReply> ended(const Error& outcome);

    ReadPath& path_;
    const std::shared_ptr<OpenFile> file_;
    const ReadId id_;
    const ByteRange range_in_torrent_;
    const pid_t thread_;
    const TimePoint came_at_;
    bool may_wait_for_disk_ = false;
    std::atomic<State> state_ = State::waiting;
    std::unique_ptr<InterruptibleReply> reply_;  ///< whoever moves the state on has it alone

    // Guarded by the OpenFile's mutex while it lists this:
    bool parked_ = false;
    bool has_waited_ = false;  ///< it was parked once
    bool cancelled_ = false;
    TimePoint parked_at_{}, progress_at_{};
    std::uint64_t bytes_had_ = 0;

    // Guarded by the mutex of ReadPath's list:
    PendingRead* before_ = nullptr;
    PendingRead* after_ = nullptr;
};

}  // namespace btfs
