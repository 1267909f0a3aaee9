#include "fs/kernel_backing.hpp"

#include <linux/fuse.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "engine/log/log.hpp"

namespace btfs {

// libfuse 3.17 and headers of Linux 6.9 know it: Debian 13, not Debian 12.
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17) && defined(FUSE_DEV_IOC_BACKING_OPEN)

bool ask_for_passthrough(fuse_conn_info& connection) {
    // The kernel takes files from root alone.
    if ((connection.capable & FUSE_CAP_PASSTHROUGH) == 0 || geteuid() != 0) return false;
    connection.want |= FUSE_CAP_PASSTHROUGH;
    // Files on an overlayfs are not passed through. In return an overlayfs may lie on top of the mount.
    connection.max_backing_stack_depth = FUSE_BACKING_STACKED_UNDER;
    return true;
}

void set_backing(fuse_file_info& file, BackingId id) {
    file.backing_id = id;
}

// Without libfuse's function, which writes a message for the user if the kernel refuses.
Result<BackingId> KernelBacking::add(int descriptor) {
    fuse_backing_map file{};
    file.fd = descriptor;
    const int id = ioctl(device_, FUSE_DEV_IOC_BACKING_OPEN, &file);
    if (id > 0) return id;
    return Error(id < 0 ? errno : EIO, boost::system::system_category());
}

void KernelBacking::remove(BackingId id) {
    auto number = static_cast<std::uint32_t>(id);
    if (ioctl(device_, FUSE_DEV_IOC_BACKING_CLOSE, &number) != 0)
        log::debug("passthrough: the kernel does not know file {} (errno {})", id, errno);
}

#else

bool ask_for_passthrough(fuse_conn_info&) {
    return false;
}
void set_backing(fuse_file_info&, BackingId) {}
Result<BackingId> KernelBacking::add(int) {
    return Error(ENOTSUP, boost::system::system_category());
}
void KernelBacking::remove(BackingId) {}

#endif

}  // namespace btfs
