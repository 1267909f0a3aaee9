// Files of .btfs that programs write commands to, while the kernel has them open.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "fs/drop_folder.hpp"
#include "fs/handle.hpp"
#include "fs/mount_commands.hpp"
#include "fs/processes.hpp"

namespace btfs {

/// A file that takes commands: read past the page cache, and written through it. What a program wrote whose
/// last words were cut short by a signal is not carried out.
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

/// A file in the folder `add`: taken each time a descriptor of it is closed behind something new. Several
/// handles may be of one file.
class DropHandle final : public CommandHandle {
  public:
    DropHandle(std::shared_ptr<DroppedFile> file, MountCommands& commands, const Processes& processes)
        : CommandHandle(commands, processes), file_(std::move(file)) {}

    std::optional<ByteRange> read(ReadPath::Request request,
                                  std::unique_ptr<InterruptibleReply> reply) override;
    void write(std::uint64_t begin, ByteView bytes, CommandDone done) override;
    void flush(pid_t closer, CommandDone done) override;

  private:
    const std::shared_ptr<DroppedFile> file_;
};

/// The file `link`: a stream of lines, wherever the program writes them. Each write of whole lines is
/// answered when their links were added, so that `echo` tells what is wrong with one; a last line without its
/// end is taken when a descriptor is closed.
class LinkHandle final : public CommandHandle {
  public:
    using CommandHandle::CommandHandle;
    /// Bound of a line that has no end yet, in bytes.
    static constexpr std::size_t kMaxLine = 1 << 20;

    void write(std::uint64_t begin, ByteView bytes, CommandDone done) override;
    void flush(pid_t closer, CommandDone done) override;

  private:
    std::mutex mutex_;
    std::string line_;  // guarded by mutex_: the beginning of one
};

/// The file `remove` of a member: whatever is written to it is the command, as is an open that truncates it.
class RemoveHandle final : public CommandHandle {
  public:
    RemoveHandle(std::string member, bool truncated, MountCommands& commands, const Processes& processes)
        : CommandHandle(commands, processes), member_(std::move(member)), truncated_(truncated) {}

    void write(std::uint64_t begin, ByteView bytes, CommandDone done) override;
    void flush(pid_t closer, CommandDone done) override;

  private:
    /// Outlives the handle: the command may.
    struct State {
        std::mutex mutex;
        std::optional<Error> outcome;  // guarded by mutex: of the command, once it was given
    };

    void remove(CommandDone done);

    const std::string member_;
    const bool truncated_;
    const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace btfs
