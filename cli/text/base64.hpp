// Base64 (RFC 4648): bytes as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/core/bytes.hpp"

namespace btfs::cli {

/// With padding, without line breaks.
std::string to_base64(ByteView bytes);
/// Ignores line breaks. Nothing if the text is something else.
std::optional<Bytes> from_base64(std::string_view text);

}  // namespace btfs::cli
