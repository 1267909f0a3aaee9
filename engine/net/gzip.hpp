// Content encodings of HTTP bodies.
#pragma once

#include <string>
#include <string_view>

#include "engine/core/error.hpp"

namespace btfs::net {

/// Inflates gzip or zlib data. Errc::http_too_large beyond `max_size`, Errc::http_malformed for anything that
/// is not one whole stream.
Result<std::string> inflate(std::string_view compressed, std::size_t max_size);

}  // namespace btfs::net
