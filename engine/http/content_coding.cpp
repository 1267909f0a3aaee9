#include "engine/http/content_coding.hpp"

#include <zlib.h>

#include <array>

#include "engine/core/bytes.hpp"

namespace btfs::http {
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
        if (status != Z_OK) return Errc::http_malformed;  // malformed or truncated
    }
}

std::string lowered_word(std::string_view word) {
    std::string out;
    for (const char c : word)
        if (c != ' ' && c != '\t') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return out;
}

Result<std::string> without_coding(std::string body, std::string_view coding, std::size_t max_size) {
    if (coding == "gzip" || coding == "x-gzip") return inflated(body, kByHeader, max_size);
    if (coding == "deflate") {
        auto result = inflated(body, kByHeader, max_size);
        if (!result && result.error() == Errc::http_malformed) return inflated(body, kBare, max_size);
        return result;
    }
    for (const std::string_view unasked : {"br", "zstd", "compress", "x-compress"})
        if (coding == unasked) return Errc::http_malformed;
    return body;
}

}  // namespace

Result<std::string> decoded_body(std::string body, std::string_view codings, std::size_t max_size) {
    std::size_t count = 0;
    while (!codings.empty() && !body.empty()) {
        if (++count > kMaxCodings) return Errc::http_malformed;
        const std::size_t comma = codings.rfind(',');
        const std::size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
        auto decoded = without_coding(std::move(body), lowered_word(codings.substr(begin)), max_size);
        if (!decoded) return decoded;
        body = std::move(*decoded);
        codings = codings.substr(0, comma == std::string_view::npos ? 0 : comma);
    }
    if (body.size() > max_size) return Errc::http_too_large;
    return body;
}

}  // namespace btfs::http
