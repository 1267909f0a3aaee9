// Processes that read the mount: do they live, what are they called, and do they still have a file open?
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace btfs {

/// Answers questions about the threads that made READs. Called from any thread; waits for neither network nor
/// disk. A number that meanwhile names another thread is answered for that one.
class Processes {
  public:
    enum class Life : std::uint8_t { alive, gone, unknown };

    virtual ~Processes() = default;
    /// Gone: it has ended, or is ending and returns to its program no more. 0 names a thread that the mount's
    /// PID namespace cannot see; it is unknown.
    virtual Life life(pid_t thread) const = 0;
    /// False if none of the process's descriptors is of a file with this inode number.
    virtual bool may_have_open(pid_t thread, std::uint64_t inode) const = 0;
    /// True if a signal is ending the thread, or has; false where that cannot be seen.
    virtual bool was_killed(pid_t thread) const = 0;
    /// Returns the number of the thread's process; 0 if it cannot be seen.
    virtual pid_t process(pid_t thread) const = 0;
    /// Returns the name of the thread's process as the kernel has it, at most 15 bytes of any kind. Empty if
    /// it cannot be seen.
    virtual std::string name(pid_t thread) const = 0;
};

/// False if one of two numbers of Processes::process() is another process than the other.
inline bool may_be_same(pid_t one, pid_t other) {
    return one == 0 || other == 0 || one == other;
}

/// Reads /proc. Where /proc is hidden, or another PID namespace's, all is unknown and everything may be open.
class ProcProcesses final : public Processes {
  public:
    /// A process with more descriptors is taken to have everything open, which bounds the work for one FLUSH.
    static constexpr int kMaxDescriptors = 4096;

    Life life(pid_t thread) const override;
    bool may_have_open(pid_t thread, std::uint64_t inode) const override;
    bool was_killed(pid_t thread) const override;
    pid_t process(pid_t thread) const override;
    std::string name(pid_t thread) const override;
};

}  // namespace btfs
