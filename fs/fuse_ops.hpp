// The kernel's questions, translated for Filesystem. Included only where libfuse is.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "fs/filesystem.hpp"
#include "fs/libfuse.hpp"
#include "fs/page_dropper.hpp"

namespace btfs {

/// The most that the kernel may ask for at once, in bytes; also a mount option.
inline constexpr unsigned kMaxRead = 1 << 20;

/// What the operations find as libfuse's user data. Immutable while the session lives, but for the
/// Filesystem behind it.
struct FuseMount {
    Filesystem& filesystem;
    uid_t uid;
    gid_t gid;
    std::uint32_t max_background;  ///< READs the kernel may have under way, as far as it grants them
    PageDropper& pages;
};

/// To be given to fuse_session_new() with a FuseMount. No operation waits.
const fuse_lowlevel_ops& fuse_operations();

}  // namespace btfs
