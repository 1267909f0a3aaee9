// State of the process as its service manager shows it (systemd's sd_notify protocol).
#pragma once

#include <string_view>

#include "engine/core/error.hpp"

namespace btfs::cli {

/// Sends the assignments, one a line, as "READY=1\nSTATUS=...", in one datagram to the Unix socket that
/// $NOTIFY_SOCKET names: a path, or an abstract name behind "@". Does nothing without the variable. Returns a
/// system error if nobody takes the datagram, or EAFNOSUPPORT for another kind of address. Never waits for
/// the service manager.
Error notify_service_manager(std::string_view assignments);

}  // namespace btfs::cli
