// FUSE operations: translate the kernel's requests for Filesystem. Included only where libfuse is.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "fs/filesystem.hpp"
#include "fs/kernel_dropper.hpp"
#include "fs/libfuse.hpp"
#include "fs/passthrough.hpp"

namespace btfs {

/// Largest READ of the kernel, in bytes; also a mount option.
inline constexpr unsigned kMaxRead = 1 << 20;

/// User data of libfuse's session, which the operations use. Immutable while the session lives.
struct FuseMount {
    Filesystem& filesystem;
    uid_t uid;
    gid_t gid;
    std::uint32_t max_background;  ///< READs the kernel may have under way, as far as it grants them
    KernelDropper& dropper;
    Passthrough* passthrough = nullptr;  ///< null: the mount is to do without
    /// Owner of the files by which programs command the mount; programs of root may, too.
    uid_t commander_uid = 0;
    gid_t commander_gid = 0;
};

/// Returns the operations for fuse_session_new(), whose user data is a FuseMount. No operation waits.
const fuse_lowlevel_ops& fuse_operations();

}  // namespace btfs
