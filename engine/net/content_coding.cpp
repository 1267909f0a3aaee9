#include "engine/net/content_coding.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "engine/core/bytes.hpp"

namespace btfs::net {
namespace {

// zlib's window bits: 32 more for zlib or gzip by the header, negative for a bare stream.
constexpr int kByHeader = MAX_WBITS + 32;
constexpr int kBare = -MAX_WBITS;

Result<std::string> inflated(std::string_view body, int window_bits, std::size_t max_size) {
    z_stream stream{};
    if (inflateInit2(&stream, window_bits) != Z_OK) return Errc::http_malformed;
    struct End {
        z_stream& stream;
        ~End() { inflateEnd(&stream); }
    } end{stream};

    std::string out;
    std::array<char, 16384> chunk;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));  // zlib reads it only
    stream.avail_in = static_cast<uInt>(body.size());
    for (;;) {
        stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
        stream.avail_out = chunk.size();
        const int status = inflate(&stream, Z_NO_FLUSH);
        const std::size_t got = chunk.size() - stream.avail_out;
        if (got > max_size - out.size()) return Errc::http_too_large;
        out.append(chunk.data(), got);
        if (status == Z_STREAM_END) return out;
        if (status != Z_OK) return Errc::http_malformed;  // wrong, or cut short
    }
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
}

}  // namespace

Result<std::string> decoded_body(std::string body, std::string_view coding, std::size_t max_size) {
    if (coding.empty() || equal_ignoring_case(coding, "identity")) {
        if (body.size() > max_size) return Errc::http_too_large;
        return body;
    }
    if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip"))
        return inflated(body, kByHeader, max_size);
    if (equal_ignoring_case(coding, "deflate")) {
        auto result = inflated(body, kByHeader, max_size);
        if (!result && result.error() == Errc::http_malformed) return inflated(body, kBare, max_size);
        return result;
    }
    return Errc::http_malformed;
}

}  // namespace btfs::net
