// Decoder of bodies that a server compressed (RFC 9110's gzip and deflate).
#pragma once

#include <string>
#include <string_view>

#include "engine/core/error.hpp"

namespace btfs::http {

/// Codings of one body, one over another.
inline constexpr std::size_t kMaxCodings = 3;

/// Takes the codings of a Content-Encoding off a body, the last one first: "gzip", "x-gzip" and "deflate"
/// (zlib's or a bare stream: servers send both). Words that name no compression ("identity", "none", "utf-8",
/// anything unknown) leave it as it is, as in curl. An empty body stays empty. Errors: http_too_large if
/// there is more than `max_size` bytes, whatever it was compressed to; http_malformed for a stream that is
/// damaged or cut short, for more than kMaxCodings, and for compressions that were not asked for ("br",
/// "zstd", "compress").
Result<std::string> decoded_body(std::string body, std::string_view codings, std::size_t max_size);

}  // namespace btfs::http
