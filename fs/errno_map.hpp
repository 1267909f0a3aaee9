// Maps errors to errno numbers for the kernel. No other file of fs names one.
#pragma once

#include "engine/core/error.hpp"

namespace btfs {

/// Errors of the file system's own operations, each named after its errno.
namespace fs_error {
Error not_found();
Error not_a_directory();
Error is_a_directory();
Error not_a_symlink();
Error read_only();
Error bad_handle();
Error bad_name();
Error exists();
Error not_permitted();
Error too_large();
Error no_space();
Error busy();
Error not_supported();
Error unmounted();
/// The torrent is in the mount no more.
Error removed();
}  // namespace fs_error

/// Returns a positive errno: EINTR for cancelled, the system's own numbers unchanged, EIO for all others.
int to_errno(const Error& error);

}  // namespace btfs
