// The one place where errors become errno numbers, for the kernel.
#pragma once

#include "engine/core/error.hpp"

namespace btfs {

/// What the file system's own operations fail with; each is its errno.
namespace fs_error {
Error not_found();
Error not_a_directory();
Error is_a_directory();
Error not_a_symlink();
Error read_only();
Error bad_handle();
Error unmounted();
}  // namespace fs_error

/// A positive errno: cancelled is EINTR, numbers of the system stay, everything else is EIO.
int to_errno(const Error& error);

}  // namespace btfs
