// The program that sent a request, as it calls itself.
#pragma once

#include <string>
#include <string_view>

namespace btfs::cli {

inline constexpr std::size_t kLongestProductName = 32;

/// Returns the name of the first product in a User-Agent (RFC 9110, 10.1.5): "VLC" of "VLC/3.0.18
/// LibVLC/3.0"; of browsers, which all call themselves Mozilla, their own. It has characters of tokens alone,
/// and kLongestProductName at most; empty if the header names no product.
std::string product_name(std::string_view user_agent);

}  // namespace btfs::cli
