// The folder that a mount stands on: is it usable, and how does a mount leave it.
#pragma once

#include <optional>
#include <string>

namespace btfs {

/// Makes a folder ready to be mounted on: a mount whose daemon has died is detached. Gives what is wrong
/// and what to do about it if it cannot be used.
std::optional<std::string> prepare_mountpoint(const std::string& path);

/// Takes a mount away at once, even while files in it are open. As root its connection to the kernel is cut
/// too, so that nobody who still has files open there hangs. False if it could not be.
bool detach_mount(const std::string& path, bool cut_connection);

/// Absolute, without symlinks as far as it exists; never looks at the last part itself, which may be a
/// mount whose daemon does not answer.
std::string absolute_mountpoint(const std::string& path);

}  // namespace btfs
