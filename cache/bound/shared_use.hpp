// SharedUse: the processes that use one cache directory tell each other at once how much they take of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cache/disk/file_descriptor.hpp"
#include "cache/disk/files.hpp"
#include "engine/core/error.hpp"

namespace btfs {

/// A page of shared memory with a number for each process: the bytes on disk that its open torrents have, or
/// are promised. It lies in /dev/shm, under a name that follows from the user and the directory, and goes
/// with the last process that uses it. A process that was killed is found out by ended(); one that comes when
/// there is no other forgets what killed ones have left. Called from any thread.
class SharedUse {
  public:
    /// Beyond that many, processes do not see each other's use.
    static constexpr unsigned kProcesses = 64;

    /// `directory`: of the cache. An error if there is no such memory, or no place in it: then use is not
    /// shared.
    static Result<std::unique_ptr<SharedUse>> open(const FileStatus& directory,
                                                   const std::string& folder = "/dev/shm");
    ~SharedUse();
    SharedUse(const SharedUse&) = delete;
    SharedUse& operator=(const SharedUse&) = delete;

    /// Changes the number of this process; it wraps, so that a difference may be added.
    void add(std::uint64_t bytes) { places()[place_].fetch_add(bytes); }
    std::uint64_t of_others() const;
    /// Places of processes that have ended. They count as before, until drop().
    std::vector<unsigned> ended() const;
    /// The torrents of these processes were counted in a scan by now.
    void drop(const std::vector<unsigned>& ended);

  private:
    using Place = std::atomic<std::uint64_t>;

    SharedUse(FileDescriptor file, std::string name, void* memory);
    Place* places() const { return static_cast<Place*>(memory_); }
    bool take_place();
    bool lock(unsigned from, unsigned count, int type, bool waits = false) const;

    const FileDescriptor file_;
    const std::string name_;
    void* const memory_;
    unsigned place_ = kProcesses;
};

}  // namespace btfs
