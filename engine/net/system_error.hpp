// The error of a system call.
#pragma once

#include <cerrno>

#include "engine/core/error.hpp"

namespace btfs::net {

/// Of the call that has failed just now, as errno says.
inline Error last_error() {
    return {errno, boost::system::system_category()};
}

}  // namespace btfs::net
