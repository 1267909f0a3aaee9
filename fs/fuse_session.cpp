#include "fs/fuse_session.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <mutex>
#include <thread>

#include "engine/core/signals_blocked.hpp"
#include "engine/log/log.hpp"
#include "fs/errno_map.hpp"
#include "fs/fuse_ops.hpp"
#include "fs/kernel_backing.hpp"
#include "fs/libfuse.hpp"
#include "fs/libfuse_log.hpp"
#include "fs/mountpoint.hpp"
#include "fs/request_loop.hpp"

namespace btfs {
namespace {

constexpr unsigned kMinThreads = 2, kMaxThreads = 8;
constexpr std::uint32_t kMaxBackground = 65535;  // what the protocol has room for
constexpr Duration kWatchPeriod = 2s;            // between two looks at the processes whose READs wait
constexpr Duration kPatienceWithDisk = 500ms;    // for READs that the cache is answering at the end

// Returns how many background requests the kernel allows: without root it has a limit for them.
std::uint32_t granted_background() {
    if (geteuid() == 0) return kMaxBackground;
    std::uint32_t limit = 0;
    std::ifstream("/sys/module/fuse/parameters/max_user_bgreq") >> limit;
    return limit == 0 ? 12 : std::min(limit, kMaxBackground);
}

struct DestroySession {
    void operator()(fuse_session* session) const { fuse_session_destroy(session); }
};

}  // namespace

// Owns the mount and its threads: those of the RequestLoop, one for the KernelDropper, one that watches
// READs.
class FuseSession::Session {
  public:
    Session(Filesystem& filesystem, const MountOptions& options)
        : filesystem_(filesystem),
          options_(options),
          mountpoint_(absolute_mountpoint(options.mountpoint)),
          mount_{filesystem,
                 options.options.uid.value_or(getuid()),
                 options.options.gid.value_or(getgid()),
                 granted_background(),
                 dropper_,
                 options.options.passthrough ? &passthrough_ : nullptr,
                 geteuid(),
                 getegid()} {
        filesystem_.set_on_removed([this](const std::vector<std::string>& names) {
            for (const std::string& name : names) dropper_.drop(name);
        });
    }

    ~Session() {
        filesystem_.set_on_removed(nullptr);
        if (!mounted_) return;
        stop();
        end_reads();
        // libfuse unmounts by path, unless the device says that its mount is gone. By now it has left its
        // place, and what lies there is somebody else's.
        if (!stands()) put_dead_device_in_place();
        fuse_session_unmount(fuse_.get());  // closes the device
    }

    std::optional<MountFailure> mount();
    bool run();
    void stop();
    const std::string& mountpoint() const { return mountpoint_; }

  private:
    void end_threads();
    void end_reads();
    /// True if the mount is what lies at its place: alive, or dead because its connection was cut from
    /// outside.
    bool stands() const {
        return mount_device_ ? device_at(mountpoint_) == mount_device_ : !loop_.is_unmounted();
    }
    void put_dead_device_in_place();
    void watch_reads();

    Filesystem& filesystem_;
    const MountOptions options_;
    const std::string mountpoint_;
    KernelDropper dropper_;
    KernelBacking backing_;
    Passthrough passthrough_{backing_};
    FuseMount mount_;
    RequestLoop loop_;
    std::unique_ptr<fuse_session, DestroySession> fuse_;
    bool mounted_ = false;
    std::optional<dev_t> mount_device_;  ///< of the mount, to tell it from others at the same place

    std::mutex mutex_;
    bool stopped_ = false;           // guarded by mutex_
    bool ending_ = false;            // guarded by mutex_
    std::condition_variable ended_;  // ending_ became true
};

std::optional<MountFailure> FuseSession::Session::mount() {
    const bool is_passed = !options_.passed_device.empty();
    if (!is_passed) {
        if (auto problem = prepare_mountpoint(mountpoint_)) return MountFailure{*problem};
    }
    if (!loop_.is_ready()) return MountFailure{std::string("no event descriptor: ") + std::strerror(errno)};

    // A READ is no longer than ReadSide::read() may be asked for; on_init() says the same.
    // The kernel refuses writes to a mount that takes no commands. One that does refuses them itself, with
    // EROFS: of modes the kernel would make EACCES.
    std::string list = filesystem_.takes_commands() ? "rw" : "ro,default_permissions";
    list += ",noatime,fsname=btfs,subtype=btfs,max_read=" + std::to_string(kMaxRead);
    for (const std::string& option : options_.options.for_libfuse) list += ',' + option;
    const char* arguments[] = {"btfs", "-o", list.c_str()};
    fuse_args args = FUSE_ARGS_INIT(3, const_cast<char**>(arguments));
    const LibfuseLogCapture log;
    fuse_.reset(fuse_session_new(&args, &fuse_operations(), sizeof(fuse_lowlevel_ops), &mount_));
    fuse_opt_free_args(&args);
    const auto failure = [&](const std::string& what, const std::string& advice) {
        const std::string reason = log.text().empty() ? std::string() : " (" + log.text() + ')';
        return MountFailure{what + reason + "; " + advice};
    };
    if (!fuse_) return failure("the mount options \"" + list + "\" are refused", "look at what -o was given");
    if (fuse_session_mount(fuse_.get(), is_passed ? options_.passed_device.c_str() : mountpoint_.c_str()) !=
        0)
        return failure("cannot mount on " + mountpoint_,
                       geteuid() == 0 ? "see dmesg"
                                      : "is fuse3 installed, is the directory yours, and does /etc/fuse.conf "
                                        "have user_allow_other if you asked for allow_other?");
    mounted_ = true;
    mount_device_ = device_at(mountpoint_);
    const int device = fuse_session_fd(fuse_.get());
    fcntl(device, F_SETFL, fcntl(device, F_GETFL) | O_NONBLOCK);
    backing_.set_device(device);
    return std::nullopt;
}

bool FuseSession::Session::run() {
    unsigned count = options_.threads;
    if (count == 0) count = std::clamp(std::thread::hardware_concurrency(), kMinThreads, kMaxThreads);
    filesystem_.read_path().set_threads(count);
    std::vector<std::thread> threads;
    {
        const SignalsBlocked no_signals;
        for (unsigned i = 0; i < count; ++i)
            threads.emplace_back([this] {
                loop_.serve(*fuse_);
                end_threads();
            });
        threads.emplace_back([this] {
            // An inode that the kernel has forgotten has no pages, and a mount that is gone has none at all.
            dropper_.run({.drop_pages =
                              [this](NodeId node, ByteRange range_in_file) {
                                  fuse_lowlevel_notify_inval_inode(fuse_.get(), node,
                                                                   static_cast<off_t>(range_in_file.begin),
                                                                   static_cast<off_t>(range_in_file.size()));
                              },
                          .drop_name =
                              [this](const std::string& name) {
                                  fuse_lowlevel_notify_inval_entry(fuse_.get(), kRootNode, name.c_str(),
                                                                   name.size());
                              }});
        });
        threads.emplace_back([this] { watch_reads(); });
    }
    for (std::thread& thread : threads) thread.join();
    filesystem_.close();
    return !loop_.has_failed();
}

void FuseSession::Session::end_threads() {
    {
        std::lock_guard lock(mutex_);
        ending_ = true;
    }
    ended_.notify_all();
    dropper_.end();
    loop_.end();
}

// poll() of a pipe without a reader says POLLERR, as of a device without a mount.
void FuseSession::Session::put_dead_device_in_place() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    close(ends[0]);
    dup3(ends[1], fuse_session_fd(fuse_.get()), O_CLOEXEC);
    close(ends[1]);
}

void FuseSession::Session::stop() {
    {
        std::lock_guard lock(mutex_);
        if (std::exchange(stopped_, true)) return;
    }
    // In this order: first nobody waits for us, then nobody new comes, then nobody is there to answer.
    filesystem_.close();
    if (mounted_ && !(stands() ? detach_mount(mountpoint_, true) : loop_.is_unmounted()))
        log::warn("{} is no longer mounted or could not be detached", mountpoint_);
    dropper_.end();
    // READs are still answered meanwhile: the dropper may wait for a page of one that is under way.
    if (!loop_.has_failed() && !dropper_.wait_ended(kPatienceWithDisk)) {
        end_reads();
        dropper_.wait_ended(std::nullopt);
    }
    end_threads();
}

void FuseSession::Session::end_reads() {
    if (filesystem_.read_path().wait_until_idle(kPatienceWithDisk)) return;
    log::warn("{}: the disk of the cache does not answer; reads that wait for it fail", mountpoint_);
    filesystem_.read_path().abandon_reads(fs_error::unmounted());
}

void FuseSession::Session::watch_reads() {
    const auto timeout = options_.read_timeout;
    const Duration period = timeout ? std::clamp<Duration>(*timeout / 10, 10ms, kWatchPeriod) : kWatchPeriod;
    TimePoint looked_at = Clock::now();
    std::unique_lock lock(mutex_);
    while (!ended_.wait_for(lock, period, [this] { return ending_; })) {
        lock.unlock();
        if (timeout) filesystem_.read_path().expire(*timeout);
        if (const TimePoint now = Clock::now(); now >= looked_at + kWatchPeriod) {
            filesystem_.read_path().end_reads_of_the_gone();
            looked_at = now;
        }
        lock.lock();
    }
}

FuseSession::FuseSession(std::unique_ptr<Session> session) : session_(std::move(session)) {}
FuseSession::~FuseSession() = default;

boost::system::result<std::unique_ptr<FuseSession>, MountFailure> FuseSession::mount(
    Filesystem& filesystem, const MountOptions& options) {
    auto session = std::make_unique<Session>(filesystem, options);
    if (auto failure = session->mount()) return *failure;
    return std::unique_ptr<FuseSession>(new FuseSession(std::move(session)));
}

bool FuseSession::run() {
    return session_->run();
}
void FuseSession::stop() {
    session_->stop();
}
const std::string& FuseSession::mountpoint() const {
    return session_->mountpoint();
}

}  // namespace btfs
