// Mount options: parses what users write behind -o, or in fstab.
#pragma once

#include <sys/types.h>

#include <boost/system/result.hpp>
#include <optional>
#include <string>
#include <vector>

#include "fs/inode_numbers.hpp"

namespace btfs {

struct ParsedMountOptions {
    std::vector<std::string> for_libfuse = {};  ///< passed on as they are: "allow_other", "auto_unmount"...
    std::optional<uid_t> uid = {};              ///< the owner that stat shows; none: the mounting user
    std::optional<gid_t> gid = {};
    InodeWidth inode_width = InodeWidth::bits63;
    bool passthrough = true;  ///< where the kernel can: see Passthrough
    bool read_only = false;   ///< the kernel is to refuse all writes: no commands can be written
};

/// Parses options, each of which may itself be a list separated by commas; "\," is a comma within an option.
/// - `uid=` and `gid=` take numbers or names; `inode32` keeps inode numbers below 2^32.
/// - `no_passthrough`: the kernel reads no file by itself.
/// - Options that mean nothing here, or are meant for mount(8) and systemd, are dropped: see
/// mount_options.cpp.
/// - Of `ro` and `rw` the last counts. Neither makes torrents writable: writes fail with EROFS.
/// - All others are left to libfuse, which refuses those that it does not know.
/// The error is a sentence for the user.
boost::system::result<ParsedMountOptions, std::string> parse_mount_options(
    const std::vector<std::string>& options);

}  // namespace btfs
