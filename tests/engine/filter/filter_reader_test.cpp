#include "engine/filter/filter_reader.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <chrono>
#include <string>

#include "engine/core/rng.hpp"

namespace btfs {
namespace {

Result<FilterFile> read(std::string_view content, std::size_t part = SIZE_MAX) {
    FilterReader reader;
    while (!content.empty()) {
        const std::string_view now = content.substr(0, part);
        content.remove_prefix(now.size());
        if (auto taken = reader.feed(as_bytes(now)); !taken) return taken.error();
    }
    return reader.finish();
}

std::string gzip(std::string_view text) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(out.size() - stream.avail_out);
    deflateEnd(&stream);
    return out;
}

bool has(const Result<FilterFile>& file, const char* address) {
    return file && file->filter.contains(*Address::parse(address));
}

const std::string kMixed =
    "\xef\xbb\xbf"
    "1.2.3.0 - 1.2.3.255 , 000 , one\r\n"
    "# a comment\r\n"
    "two:2.2.2.2-2.2.2.3\r\n"
    "junk\r\n"
    "2001:db8::/32\n"
    "9.9.9.0 - 9.9.9.255 , 200 , allowed\n"
    "more junk\n"
    "3.3.3.3";

TEST(FilterReader, TakesLinesOfAllFormatsInOneFileHoweverItIsCut) {
    for (const std::size_t part :
         {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{64}, SIZE_MAX}) {
        for (const std::string& content : {kMixed, gzip(kMixed)}) {
            const auto file = read(content, part);
            ASSERT_TRUE(file) << part;
            for (const char* address : {"1.2.3.4", "2.2.2.3", "2001:db8::5", "3.3.3.3"})
                EXPECT_TRUE(has(file, address)) << address << ' ' << part;
            EXPECT_FALSE(has(file, "9.9.9.9"));
            EXPECT_EQ(file->entries, 5u);
            EXPECT_EQ(file->unreadable, 2u);
            EXPECT_EQ(file->first_unreadable, 4u);
        }
    }
}

TEST(FilterReader, AFileOfNothingOrOfCommentsIsAnEmptyFilter) {
    for (const std::string& content :
         {std::string(), std::string("\n"), std::string("#"), std::string("# x\n\n;")}) {
        const auto file = read(content);
        ASSERT_TRUE(file) << content;
        EXPECT_EQ(file->entries, 0u);
    }
    EXPECT_TRUE(read(gzip("")));
}

TEST(FilterReader, AFileWithoutAnyEntryIsRefused) {
    EXPECT_EQ(read("<html>\n<body>404\n").error(), Errc::filter_no_entries);
    EXPECT_EQ(read("x").error(), Errc::filter_no_entries);
    Rng rng(3);
    Bytes junk(1 << 20);
    rng.fill(junk);
    EXPECT_FALSE(read(as_text(junk)));
    junk[0] = std::byte{0x1f}, junk[1] = std::byte{0x8b};
    EXPECT_EQ(read(as_text(junk)).error(), Errc::filter_damaged);
}

TEST(FilterReader, ALineThatIsTooLongIsLeftOut) {
    std::string content =
        "1.1.1.1\n" + std::string(FilterReader::kMaxLine + 1, 'x') + ":2.2.2.2-2.2.2.2\n3.3.3.3\n";
    for (const std::size_t part : {std::size_t{100}, SIZE_MAX}) {
        const auto file = read(content, part);
        ASSERT_TRUE(file);
        EXPECT_TRUE(has(file, "1.1.1.1") && has(file, "3.3.3.3"));
        EXPECT_FALSE(has(file, "2.2.2.2"));
        EXPECT_EQ(file->unreadable, 1u);
        EXPECT_EQ(file->first_unreadable, 2u);
    }
    content = std::string(FilterReader::kMaxLine - 16, 'x') + ":2.2.2.2-2.2.2.2\n";
    EXPECT_TRUE(has(read(content), "2.2.2.2"));
}

TEST(FilterReader, GzipMayHaveSeveralMembersAndZerosBehindThem) {
    const auto file = read(gzip("1.1.1.1\n2.2.2.2") + gzip("\n3.3.3.3\n") + std::string(512, '\0'), 33);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->entries, 3u);
}

TEST(FilterReader, GzipThatIsCutShortOrDamagedIsRefused) {
    std::string content = gzip(kMixed);
    EXPECT_EQ(read(std::string_view(content).substr(0, content.size() - 1)).error(), Errc::filter_damaged);
    EXPECT_EQ(read(std::string_view(content).substr(0, 12)).error(), Errc::filter_damaged);
    EXPECT_EQ(read(content + "junk").error(), Errc::filter_damaged);
    content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 0x55);
    EXPECT_FALSE(read(content));
}

TEST(FilterReader, ABombIsNotInflatedBeyondTheBound) {
    const std::string part = gzip("1.1.1.1\n" + std::string(32 << 20, '\n'));
    std::string bomb;
    for (int i = 0; i < 9; ++i) bomb += part;
    EXPECT_LT(bomb.size(), std::size_t{1} << 20);
    EXPECT_EQ(read(bomb).error(), Errc::filter_too_large);
}

TEST(FilterReader, MoreEntriesThanTheBoundAreRefused) {
    FilterReader reader;
    std::string part;
    for (int i = 0; i < 1000; ++i) part += "1.1.1.1\n";
    for (std::size_t i = 0; i < FilterReader::kMaxEntries / 1000; ++i)
        ASSERT_TRUE(reader.feed(as_bytes(part)));
    EXPECT_EQ(reader.feed(as_bytes(part)).error(), Errc::filter_too_many_entries);
}

// The bound is lenient, since the machine may be busy: without a sanitizer it takes about 0.2 s.
TEST(FilterReader, AMillionLinesAreReadInSeconds) {
    std::string content;
    char line[96];
    for (int i = 0; i < 1'000'000; ++i) {
        const unsigned a = i >> 16 & 255, b = i >> 8 & 255, c = i & 255;
        std::snprintf(line, sizeof line,
                      "%03u.%03u.%03u.%03u - %03u.%03u.%03u.%03u , 000 , organisation number %d\r\n", a + 1,
                      b, c, 16u, a + 1, b, c, 31u, i);
        content += line;
    }
    const auto began = std::chrono::steady_clock::now();
    const auto file = read(content, 256 << 10);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    ASSERT_TRUE(file);
    EXPECT_EQ(file->filter.v4_range_count(), 1'000'000u);
    EXPECT_TRUE(has(file, "1.0.0.20"));
    EXPECT_FALSE(has(file, "1.0.0.32"));
    EXPECT_LT(took.count(), 10) << "seconds";
    std::printf("%.3f s\n", took.count());
}

}  // namespace
}  // namespace btfs
