// Bodies that a server compressed (RFC 9110's gzip and deflate).
#pragma once

#include <string>
#include <string_view>

#include "engine/core/error.hpp"

namespace btfs::net {

/// The body of a Content-Encoding: "", "identity", "gzip", "x-gzip" or "deflate" (zlib's or a bare stream:
/// servers send both). http_too_large if there is more than `max_size`, whatever it was compressed to;
/// http_malformed for anything else.
Result<std::string> decoded_body(std::string body, std::string_view coding, std::size_t max_size);

}  // namespace btfs::net
