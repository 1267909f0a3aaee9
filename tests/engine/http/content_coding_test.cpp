#include "engine/http/content_coding.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

namespace btfs::http {
namespace {

std::string compressed(const std::string& body, int window_bits) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, body.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream.avail_in = static_cast<uInt>(body.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

TEST(ContentCodingTest, TruncatedAndRandomBodiesAreMalformed) {
    const std::string whole = compressed(std::string(1000, 'x'), 31);
    for (std::size_t size = 1; size < whole.size(); ++size)
        EXPECT_FALSE(decoded_body(whole.substr(0, size), "gzip", 1 << 20)) << size;
    EXPECT_EQ(*decoded_body(whole, "GZIP", 1000), std::string(1000, 'x'));
    EXPECT_EQ(decoded_body(whole, "gzip", 999).error(), Errc::http_too_large);
    EXPECT_EQ(decoded_body("12345", "", 4).error(), Errc::http_too_large);
}

TEST(ContentCodingTest, WordsThatNameNoCompressionLeaveTheBodyAsItIs) {
    for (const char* word :
         {"", "identity", "none", "None", "utf-8", "UTF-8", "iso-8859-1", "x-unknown", " , ,"})
        EXPECT_EQ(*decoded_body("body", word, 100), "body") << word;
    for (const char* unasked : {"br", "zstd", "compress", "Br", "gzip, br"})
        EXPECT_EQ(decoded_body("body", unasked, 100).error(), Errc::http_malformed) << unasked;
}

TEST(ContentCodingTest, CodingsLieOverOneAnother) {
    const std::string once = compressed("body", 31), twice = compressed(once, 15);
    EXPECT_EQ(*decoded_body(once, "identity, gzip", 100), "body");
    EXPECT_EQ(*decoded_body(once, "x-gzip ,none", 100), "body");
    EXPECT_EQ(*decoded_body(twice, "gzip, deflate", 100), "body");
    EXPECT_EQ(decoded_body("body", "none, none, none, none", 100).error(), Errc::http_malformed);
    EXPECT_EQ(*decoded_body("", "gzip", 100), "") << "nothing is compressed to nothing";
}

}  // namespace
}  // namespace btfs::http
