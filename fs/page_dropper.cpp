#include "fs/page_dropper.hpp"

namespace btfs {

void PageDropper::drop(fuse_ino_t node, ByteRange range_in_file) {
    {
        std::lock_guard lock(mutex_);
        if (waiting_.size() >= kMaxWaiting) return;
        waiting_.push_back({node, range_in_file});
    }
    changed_.notify_one();
}

void PageDropper::run(fuse_session& session) {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        if (ending_) return;
        const Pages pages = waiting_.front();
        waiting_.pop_front();
        lock.unlock();
        // An inode that the kernel has forgotten has no pages, and a mount that is gone has none at all.
        fuse_lowlevel_notify_inval_inode(&session, pages.node, static_cast<off_t>(pages.range_in_file.begin),
                                         static_cast<off_t>(pages.range_in_file.size()));
        lock.lock();
    }
}

void PageDropper::end() {
    {
        std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
}

}  // namespace btfs
