// Makes untrusted text safe to print: on one line, and as it will be read.
#pragma once

#include <string>
#include <string_view>

namespace btfs::cli {

/// Replaces by `?` each control character (C0, DEL, C1), each character that breaks a line or turns the
/// direction of writing (as U+2028 and U+202E), and each byte that is not UTF-8.
std::string printable(std::string_view text);

/// The same, cut to kMaxUntrustedText bytes at the end of a character.
std::string one_line(std::string_view text);

/// The most that one untrusted text may add to a line, in bytes.
inline constexpr std::size_t kMaxUntrustedText = 300;

}  // namespace btfs::cli
