#include "engine/net/gzip.hpp"

#include <zlib.h>

#include <algorithm>

namespace btfs::net {
namespace {

constexpr std::size_t kStep = 16 * 1024;
constexpr int kGzipOrZlib = 15 + 32;  // zlib's window bits, header detected

struct Inflater {
    Inflater() { ok = inflateInit2(&stream, kGzipOrZlib) == Z_OK; }
    ~Inflater() { inflateEnd(&stream); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    z_stream stream{};
    bool ok;
};

}  // namespace

Result<std::string> inflate(std::string_view compressed, std::size_t max_size) {
    Inflater inflater;
    if (!inflater.ok) return Errc::http_malformed;
    z_stream& stream = inflater.stream;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
    stream.avail_in = static_cast<uInt>(compressed.size());
    std::string out;
    for (;;) {
        const std::size_t filled = out.size();
        if (filled >= max_size) return Errc::http_too_large;
        out.resize(std::min(filled + kStep, max_size));
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
        stream.avail_out = static_cast<uInt>(out.size() - filled);
        const int status = ::inflate(&stream, Z_NO_FLUSH);
        out.resize(out.size() - stream.avail_out);
        if (status == Z_STREAM_END) return out;
        if (status != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)) return Errc::http_malformed;
    }
}

}  // namespace btfs::net
