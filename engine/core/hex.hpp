// Bytes in hexadecimal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/core/bytes.hpp"

namespace btfs {

/// Of either case.
std::optional<unsigned> hex_digit(char c);

/// Two digits a byte, of lower case.
std::string to_hex(ByteView bytes);
/// What to_hex() gives, in either case; nothing from an odd number of digits, or what is none.
std::optional<Bytes> from_hex(std::string_view text);

}  // namespace btfs
