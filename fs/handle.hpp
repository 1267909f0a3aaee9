// Files that the kernel has open: of a torrent, or virtual. Those that take commands: see CommandHandle.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>

#include "engine/core/bytes.hpp"
#include "fs/file_state.hpp"
#include "fs/mount_commands.hpp"
#include "fs/read_path.hpp"
#include "fs/reader_status.hpp"
#include "fs/virtual_folder.hpp"

namespace btfs {

/// How a program opens a file.
struct Opening {
    bool for_writing = false;  ///< also if it truncates the file
    bool truncates = false;
    bool may_command = false;  ///< its user may command the mount
    RemoteReader remote = {};  ///< to be shown
};

/// One open file, from the kernel's OPEN to its RELEASE; owned by the Filesystem. Called from any thread;
/// waits for neither network nor disk.
class Handle {
  public:
    Handle() = default;
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    virtual ~Handle() = default;

    /// Reads any range, which is cut to the file; `reply` is answered once. Returns the part of the file
    /// whose pages the kernel may drop, if any. The answer may bring the RELEASE, so that this is gone on
    /// return.
    virtual std::optional<ByteRange> read(ReadPath::Request request,
                                          std::unique_ptr<InterruptibleReply> reply) = 0;
    /// Nothing for a file that is no torrent's.
    virtual std::optional<FileState> state() const = 0;
    /// Writes to a file that was opened for that, by the thread `writer`. The answer to `done` may bring the
    /// RELEASE, so that this is gone on return.
    virtual void write(std::uint64_t begin, ByteView bytes, pid_t writer, CommandDone done);
    /// The thread `closer` has closed one of the file's descriptors. As write() has it.
    virtual void flush(pid_t closer, CommandDone done) = 0;
    /// The file's size was changed by one of its descriptors, as Filesystem::change() allowed. As write() has
    /// it.
    virtual void truncated(CommandDone done) { done({}); }
    /// The kernel has closed the file: the last call.
    virtual void release() = 0;
    /// True if the kernel's page cache is of no use to the file.
    virtual bool bypasses_page_cache() const = 0;
    /// Leases the file on disk that has the same bytes, for the kernel to read; null if there is none. See
    /// ReadSide::lease().
    virtual std::unique_ptr<DataLease> lease() const { return nullptr; }
};

/// A torrent's file, whose READs may wait.
class ContentHandle final : public Handle {
  public:
    /// `path` has opened the file, and closes it.
    ContentHandle(ReadPath& path, OpenFile& file) : path_(path), file_(file) {}

    std::optional<ByteRange> read(ReadPath::Request request,
                                  std::unique_ptr<InterruptibleReply> reply) override;
    std::optional<FileState> state() const override;
    void flush(pid_t closer, CommandDone done) override {
        path_.flush(file_, closer);
        done({});
    }
    void release() override { path_.release(file_); }
    bool bypasses_page_cache() const override { return false; }
    std::unique_ptr<DataLease> lease() const override { return file_.torrent().reads.lease(file_.extent()); }

  private:
    ReadPath& path_;
    OpenFile& file_;
};

/// One snapshot of a virtual file. READs are answered at once. Its pages would be filled for each snapshot
/// anew.
class TextHandle final : public Handle {
  public:
    explicit TextHandle(std::shared_ptr<const VirtualFolder::Snapshot> snapshot)
        : snapshot_(std::move(snapshot)) {}

    std::optional<ByteRange> read(ReadPath::Request request,
                                  std::unique_ptr<InterruptibleReply> reply) override;
    std::optional<FileState> state() const override { return std::nullopt; }
    void flush(pid_t, CommandDone done) override { done({}); }
    void release() override {}
    bool bypasses_page_cache() const override { return true; }

  private:
    const std::shared_ptr<const VirtualFolder::Snapshot> snapshot_;
};

}  // namespace btfs
