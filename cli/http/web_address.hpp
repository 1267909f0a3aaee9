// The address of the web server, as --web has it.
#pragma once

#include <optional>
#include <string_view>

#include "engine/core/endpoint.hpp"

namespace btfs::cli {

inline constexpr std::uint16_t kWebPort = 9091;

/// Parses "ADDR:PORT", "ADDR" or "PORT", where ADDR is an IPv4 address, an IPv6 address in brackets, or
/// localhost; what is missing is 127.0.0.1 and kWebPort. Nothing for what is none.
std::optional<Endpoint> parse_web_address(std::string_view text);

}  // namespace btfs::cli
