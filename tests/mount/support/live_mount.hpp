// A real mount of torrents whose pieces come when told to, and the processes that read it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fs/fuse_session.hpp"
#include "tests/support/fake_demand_sink.hpp"
#include "tests/support/fake_read_side.hpp"
#include "tests/support/torrent_files.hpp"

namespace btfs::test {

inline constexpr std::uint32_t kPieceLength = 256 * 1024;

/// True as soon as `condition` is, false after `at_most`.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds at_most = std::chrono::seconds(10));

double seconds_of(const std::function<void()>& action);

/// An empty folder; removed at the end, with a mount that was left on it.
class MountFolder {
  public:
    MountFolder();
    ~MountFolder();
    MountFolder(const MountFolder&) = delete;
    MountFolder& operator=(const MountFolder&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

/// Why no mount can be made here; then the tests are skipped.
std::optional<std::string> mounting_is_impossible();

class LiveMount {
  public:
    using Files = std::vector<std::pair<std::string, std::uint64_t>>;

    explicit LiveMount(const Files& files = {}, MountOptions options = {}, std::string at = {},
                       std::vector<VirtualFile> virtual_files = {});
    ~LiveMount();
    /// Ends the mount: session and Filesystem are gone, the caches still there. By itself, or by the
    /// destructor.
    void end();

    /// Gives the torrent's cache.
    FakeReadSide& add(const FileList& files, const std::string& seed = "torrent") {
        return add_with_hash(files, sha1(as_bytes(seed)));
    }
    FakeReadSide& add_with_hash(const FileList& files, const Sha1Digest& info_hash);
    FakeReadSide& add(const Files& files) { return add(file_list(files), std::to_string(caches_.size())); }

    std::string path(const std::string& below = {}) const {
        return where_ + (below.empty() ? "" : "/" + below);
    }
    FakeReadSide& cache(std::size_t torrent = 0) { return caches_[torrent]; }
    FakeDemandSink& sink() { return sink_; }
    Filesystem& filesystem() { return *filesystem_; }
    FuseSession& session() { return *session_; }
    /// True once FuseSession::run() has returned.
    bool ended() const { return ended_; }

  private:
    std::optional<MountFolder> folder_;
    std::string where_;
    FakeDemandSink sink_;
    std::deque<FakeReadSide> caches_;
    std::optional<Filesystem> filesystem_;
    std::unique_ptr<FuseSession> session_;
    std::atomic<bool> ended_{false};
    std::thread thread_;
};

/// A process of its own that does `work` and exits with what it gives. Killed at the end if it is still
/// there.
class Process {
  public:
    explicit Process(const std::function<int()>& work);
    /// Runs a program, its output thrown away.
    explicit Process(const std::vector<std::string>& command);
    ~Process();
    Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}
    Process& operator=(Process&&) = delete;

    void signal(int number) const;
    /// The exit code, 128 + the signal that ended it, or nothing if it goes on for longer than that.
    std::optional<int> wait(std::chrono::milliseconds at_most = std::chrono::seconds(10));

  private:
    pid_t pid_;
    std::optional<int> status_;
};

/// Reads a whole file; gives what read(2) failed with, or nothing.
std::optional<int> read_file(const std::string& path, std::vector<std::byte>& into);
/// True if the bytes are those of the torrent from this offset on.
bool is_content(std::span<const std::byte> bytes, std::uint64_t offset_in_torrent);

}  // namespace btfs::test
