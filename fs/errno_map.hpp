// Maps errors to errno numbers for the kernel. No other file of fs names one.
#pragma once

#include "engine/core/error.hpp"

namespace btfs {

/// Errors of the file system's own operations.
namespace fs_error {
Error not_found();
Error not_a_directory();
Error is_a_directory();
Error not_a_symlink();
Error read_only();
Error bad_handle();
Error bad_name();
Error bad_size();
Error exists();
Error access_denied();
Error too_large();
Error no_space();
Error busy();
Error not_supported();
Error unmounted();
/// The node is in the mount no more. The kernel looks up again the path of an OPEN that fails so.
Error removed();
}  // namespace fs_error

/// Returns a positive errno: EINTR for cancelled, the system's own numbers unchanged, EIO for all others, and
/// for ENOSYS, by which the kernel would take an operation to be unknown to the whole mount.
int to_errno(const Error& error);

}  // namespace btfs
