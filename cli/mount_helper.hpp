// btfs as mount(8) calls it, and mount options that are options of btfs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace btfs::cli {

/// A call of btfs by mount(8), as the words of `btfs mount`.
struct MountHelperCall {
    std::vector<std::string> words;  ///< those after "btfs mount"
    bool only_pretend = false;       ///< -f: everything but the mount itself
};

/// Understands two forms. `words` is the whole command line.
/// - `mount.btfs SRC DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]`, also as mount.fuse.btfs: mount(8)
/// runs the
///   helper of that name for `mount -t btfs` and `mount -t fuse.btfs`.
/// - `btfs SRC DIR [-o OPTIONS]`, which mount.fuse3 runs for `mount -t fuse.btfs`. SRC is no command
/// (`is_command`)
///   and, without OPTIONS, exists or is a URL or magnet link, so that a mistyped command is none.
/// Returns nothing for any other command line.
std::optional<MountHelperCall> mount_helper_call(const std::vector<std::string>& words,
                                                 const std::function<bool(std::string_view)>& is_command);

/// Replaces each option of btfs in the values of `-o` by the word for it: `-o ro,cache-dir=/c` becomes
/// `-o ro --cache-dir=/c`. `is_ours` tells the names of such options. A backslash before a comma makes it
/// part of a value. `words` is what comes after "btfs mount"; nothing after "--" is changed.
std::vector<std::string> with_own_options(const std::vector<std::string>& words,
                                          const std::function<bool(std::string_view)>& is_ours);

}  // namespace btfs::cli
