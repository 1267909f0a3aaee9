// Content-Encoding, up to the first newline, and a body behind it: no decompression bomb, no byte beyond the
// limit.
#include <cstdlib>
#include <string>

#include "engine/http/content_coding.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    constexpr std::size_t kMaxSize = 100'000;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t newline = text.find('\n');
    if (newline == std::string_view::npos) return 0;
    const std::string body(text.substr(newline + 1));
    const auto decoded = http::decoded_body(body, text.substr(0, newline), kMaxSize);
    if (decoded && decoded->size() > kMaxSize) std::abort();
    if (!decoded && decoded.error() != Errc::http_malformed && decoded.error() != Errc::http_too_large)
        std::abort();
    return 0;
}
