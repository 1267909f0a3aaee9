// Files of .btfs that programs write commands to, while the kernel has them open.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "fs/command_outcome.hpp"
#include "fs/drop_folder.hpp"
#include "fs/handle.hpp"
#include "fs/mount_commands.hpp"
#include "fs/processes.hpp"
#include "fs/taken_names.hpp"

namespace btfs {

/// A file that takes commands, past the page cache. What the last process to write has not ended is carried
/// out when that process closes a descriptor, and is dropped if a signal ended the process.
class CommandHandle : public Handle {
  public:
    /// Both outlive this.
    CommandHandle(MountCommands& commands, const Processes& processes)
        : commands_(commands), processes_(processes) {}

    /// Reads nothing.
    std::optional<ByteRange> read(ReadPath::Request request,
                                  std::unique_ptr<InterruptibleReply> reply) override;
    std::optional<FileState> state() const override { return std::nullopt; }
    void release() override {}
    bool bypasses_page_cache() const override { return true; }

  protected:
    MountCommands& commands_;
    const Processes& processes_;
};

/// A file in the folder `add`: taken when the process that was the last to write closes a descriptor that is
/// open for writing; a temporary one when it is renamed. Several handles may be of one file.
class DropHandle final : public CommandHandle {
  public:
    DropHandle(std::shared_ptr<DroppedFile> file, bool for_writing, std::shared_ptr<TakenNames> taken,
               MountCommands& commands, const Processes& processes)
        : CommandHandle(commands, processes),
          file_(std::move(file)),
          for_writing_(for_writing),
          taken_(std::move(taken)) {}

    std::optional<ByteRange> read(ReadPath::Request request,
                                  std::unique_ptr<InterruptibleReply> reply) override;
    void write(std::uint64_t begin, ByteView bytes, pid_t writer, CommandDone done) override;
    void flush(pid_t closer, CommandDone done) override;
    void release() override;

  private:
    const std::shared_ptr<DroppedFile> file_;
    const bool for_writing_;
    const std::shared_ptr<TakenNames> taken_;
};

/// A file of the folder `add` that was taken, opened for reading by the program that wrote it: rsync changes
/// the mode of such a descriptor. The content has gone.
class TakenHandle final : public CommandHandle {
  public:
    using CommandHandle::CommandHandle;

    std::optional<ByteRange> read(ReadPath::Request request,
                                  std::unique_ptr<InterruptibleReply> reply) override;
    void flush(pid_t, CommandDone done) override { done({}); }
};

/// The file `link`: a stream of lines, wherever the program writes them. Each write of whole lines is
/// answered when their links were added, so that `echo` tells what is wrong with one; a last line without its
/// end is taken when a descriptor is closed.
class LinkHandle final : public CommandHandle {
  public:
    using CommandHandle::CommandHandle;
    /// Bound of a line that has no end yet, in bytes. A longer one is dropped to its end.
    static constexpr std::size_t kMaxLine = 1 << 20;

    void write(std::uint64_t begin, ByteView bytes, pid_t writer, CommandDone done) override;
    void flush(pid_t closer, CommandDone done) override;

  private:
    std::mutex mutex_;         // guards what follows
    std::string line_;         ///< the beginning of one
    bool skips_line_ = false;  ///< up to its end: it was too long
    pid_t writer_ = 0;         ///< the process that wrote last
};

/// The file `remove` of a member: whatever is written to it is the command, as is an open that truncates it,
/// and truncating its descriptor.
class RemoveHandle final : public CommandHandle {
  public:
    RemoveHandle(std::string member, bool truncated, MountCommands& commands, const Processes& processes)
        : CommandHandle(commands, processes), member_(std::move(member)), truncated_(truncated) {}

    void write(std::uint64_t begin, ByteView bytes, pid_t writer, CommandDone done) override;
    void flush(pid_t closer, CommandDone done) override;
    void truncated(CommandDone done) override { remove(std::move(done)); }

  private:
    void remove(CommandDone done);

    const std::string member_;
    const bool truncated_;
    const std::shared_ptr<CommandOutcome> outcome_ = std::make_shared<CommandOutcome>();
};

}  // namespace btfs
