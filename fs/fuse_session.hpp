// One mount, from its making to its end: the session with the kernel and its threads.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/time.hpp"
#include "fs/filesystem.hpp"
#include "fs/mount_options.hpp"

namespace btfs {

struct MountOptions {
    std::string mountpoint = {};
    /// "/dev/fd/N", if another process has made the mount at the mountpoint already, see passed_descriptor().
    /// stop() may lack the right to detach such a mount, and just ends the answers then.
    std::string passed_device = {};
    ParsedMountOptions options = {};            ///< what users give with -o
    std::optional<Duration> read_timeout = {};  ///< a READ that waits longer without progress fails with EIO
    unsigned threads = 0;                       ///< that answer the kernel; 0: as many as suit the machine
};

/// Says to the user why a mount failed and what to do.
struct MountFailure {
    std::string message;
};

/// Mounts a Filesystem, which outlives it. mount() starts no thread and may be called before a fork; run()
/// starts them. The session's threads take no signals.
class FuseSession {
  public:
    static boost::system::result<std::unique_ptr<FuseSession>, MountFailure> mount(
        Filesystem& filesystem, const MountOptions& options);
    /// Ends the mount if it still stands; stop() and run() have returned. READs that the cache does not
    /// answer within half a second fail: what it says of them later touches neither this nor the Filesystem.
    ~FuseSession();
    FuseSession(const FuseSession&) = delete;
    FuseSession& operator=(const FuseSession&) = delete;

    /// Answers the kernel until stop(), or until the mount was taken away or its connection cut from outside.
    /// Called once. On return nothing waits any more, and new reads fail. A READ that waits for a disk that
    /// does not answer keeps it from returning. False if the kernel's device
    /// failed.
    bool run();

    /// Makes run() return soon, whatever waits and whichever files are open: fails what waits, detaches the
    /// mount if it still stands, alive or dead, and ends the threads. From any thread, before, during or
    /// after run(); not from a signal handler.
    void stop();

    /// Returns the mountpoint as the kernel lists it: absolute, without symlinks.
    const std::string& mountpoint() const;

  private:
    class Session;
    explicit FuseSession(std::unique_ptr<Session> session);

    std::unique_ptr<Session> session_;
};

}  // namespace btfs
