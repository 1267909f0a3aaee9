// Bytes in hexadecimal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/core/bytes.hpp"

namespace btfs {

/// Returns the value of a hex digit of either case.
std::optional<unsigned> hex_digit(char c);

/// Returns '%' and two upper-case digits: a byte as a URL has it (RFC 3986).
std::string percent_encoded(std::byte byte);

/// Returns two lower-case digits for each byte.
std::string to_hex(ByteView bytes);
/// Decodes hex digits of either case. Returns nothing if their number is odd or if any is not a hex digit.
std::optional<Bytes> from_hex(std::string_view text);

}  // namespace btfs
