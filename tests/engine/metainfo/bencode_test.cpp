#include "engine/metainfo/bencode.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <string>

namespace btfs::bencode {
namespace {

Error error_of(std::string_view text, const Limits& limits = {}) {
    auto document = decode(as_bytes(text), limits);
    return document ? Error{} : document.error();
}

TEST(Bencode, ReadsEveryKind) {
    const std::string text = "d3:agei-42e4:listli0e2:hie4:name5:helloe";
    auto document = decode(as_bytes(text));
    ASSERT_TRUE(document);
    const Value root = document->root();
    EXPECT_EQ(root.get_integer("age").value(), -42);
    EXPECT_EQ(root.get_string("name").value(), "hello");
    std::vector<Kind> kinds;
    for (Value item : root.find("list")->list()) kinds.push_back(item.kind());
    EXPECT_EQ(kinds, (std::vector{Kind::integer, Kind::string}));
    std::string keys;
    for (auto [key, value] : root.dictionary()) keys += std::string(key) + ' ';
    EXPECT_EQ(keys, "age list name ");
    EXPECT_EQ(as_text(root.find("list")->raw()), "li0e2:hie");
}

TEST(Bencode, ValuesOutliveAMoveOfTheDocument) {
    const std::string text = "d1:ali1ei2eee";
    auto document = decode(as_bytes(text));
    ASSERT_TRUE(document);
    const Value list = *document->root().find("a");
    const Document moved = std::move(*document);
    EXPECT_EQ(as_text(list.raw()), "li1ei2ee");
}

TEST(Bencode, IntegersAreDigitsBehindAnI) {
    for (auto text : {"i0e", "i1e", "i-1e", "i9223372036854775807e", "i-9223372036854775808e"}) {
        auto document = decode(as_bytes(text));
        ASSERT_TRUE(document) << text;
        EXPECT_EQ(document->root().kind(), Kind::integer) << text;
    }
    for (auto text : {"ie", "i-e", "i+1e", "i 1e", "i1 e", "i1.5e", "i--1e"})
        EXPECT_EQ(error_of(text), Errc::bencode_syntax) << text;
}

TEST(Bencode, AnIntegerThatIsNotCanonicalOrDoesNotFitHarmsOnlyThoseThatNeedIt) {
    const std::int64_t least = std::numeric_limits<std::int64_t>::min();
    const std::int64_t most = std::numeric_limits<std::int64_t>::max();
    const std::vector<std::pair<std::string, std::int64_t>> cases{{"-0", 0},
                                                                  {"00", 0},
                                                                  {"007", 7},
                                                                  {"-01", -1},
                                                                  {"18446744073709551615", most},
                                                                  {"9223372036854775808", most},
                                                                  {"-9223372036854775809", least},
                                                                  {std::string(1000, '9'), most},
                                                                  {'-' + std::string(1000, '9'), least}};
    for (const auto& [digits, clamped] : cases) {
        const std::string text = "d1:ai" + digits + "e1:bi5ee";
        auto document = decode(as_bytes(text));
        ASSERT_TRUE(document) << digits;
        const Value root = document->root();
        EXPECT_EQ(root.get_integer("b").value(), 5) << digits;
        EXPECT_EQ(root.get_integer("a").error(), Errc::bencode_wrong_type) << digits;
        EXPECT_FALSE(root.find_number<std::uint64_t>("a")) << digits;
        EXPECT_EQ(root.find_clamped("a"), clamped) << digits;
        EXPECT_EQ(as_text(root.find("a")->raw()), 'i' + digits + 'e');
    }
}

TEST(Bencode, LengthsAreCanonicalAndStayInside) {
    EXPECT_FALSE(error_of("0:"));
    for (auto text : {"00:", "01:a", "-1:a", "1;a", ":", "1x:"})
        EXPECT_EQ(error_of(text), Errc::bencode_syntax) << text;
    for (auto text :
         {"", "1", "1:", "5:abcd", "99999999999999999999999:x", "i1", "i", "l", "d", "d1:a", "li1e"})
        EXPECT_EQ(error_of(text), Errc::bencode_truncated) << text;
}

TEST(Bencode, DictionaryKeysAreStringsWithValues) {
    for (auto text : {"di1ei2ee", "d1:ae", "dlee", "e", "le1", "d1:a1:b1:ce"})
        EXPECT_TRUE(error_of(text)) << text;
    EXPECT_FALSE(error_of("de"));
}

TEST(Bencode, UnsortedKeysAreReadAndTheFirstOfEqualOnesCounts) {
    const std::string text = "d1:bi1e1:ai2e1:bi3ee";
    auto document = decode(as_bytes(text));
    ASSERT_TRUE(document);
    EXPECT_EQ(document->root().get_integer("b").value(), 1);
    EXPECT_EQ(document->root().get_integer("a").value(), 2);
}

TEST(Bencode, GettersSayWhatIsWrong) {
    const std::string text = "d1:ai1ee";
    auto document = decode(as_bytes(text));
    EXPECT_EQ(document->root().get_string("a").error(), Errc::bencode_wrong_type);
    EXPECT_EQ(document->root().get_string("b").error(), Errc::bencode_missing_key);
    EXPECT_FALSE(document->root().find("a")->find("x"));
}

TEST(Bencode, DeepNestingIsAnErrorAndFast) {
    const auto start = std::chrono::steady_clock::now();
    for (char open : {'l', 'd'}) {
        std::string text;
        for (int i = 0; i < 1'000'000; ++i) text += open == 'l' ? "l" : "d1:a";
        EXPECT_EQ(error_of(text, {.max_size = 1 << 30}), Errc::bencode_too_deep);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
    EXPECT_FALSE(error_of("lllleeee", {.max_depth = 4}));
    EXPECT_EQ(error_of("llllleeeee", {.max_depth = 4}), Errc::bencode_too_deep);
}

TEST(Bencode, LimitsHold) {
    EXPECT_EQ(error_of("li1ei2ei3ee", {.max_tokens = 3}), Errc::bencode_too_large);
    EXPECT_FALSE(error_of("li1ei2ei3ee", {.max_tokens = 4}));
    EXPECT_EQ(error_of("10:0123456789", {.max_size = 12}), Errc::bencode_too_large);
}

TEST(Bencode, TrailingDataIsAnErrorUnlessAskedFor) {
    EXPECT_EQ(error_of("i1ei2e"), Errc::bencode_trailing_data);
    auto prefix = decode_prefix(as_bytes("d8:msg_typei1eeXYZ"));
    ASSERT_TRUE(prefix);
    EXPECT_EQ(prefix->size(), 15u);
}

TEST(BencodeWriter, WritesTheCanonicalForm) {
    Bytes out;
    Writer writer(out);
    writer.begin_dictionary().key("a").integer(-5).key("b").begin_list().string("x").integer(0).end();
    writer.key("c").begin_dictionary().end().key("d").raw(as_bytes("li1ee")).end();
    EXPECT_EQ(as_text(out), "d1:ai-5e1:bl1:xi0ee1:cde1:dli1eee");
}

#ifndef NDEBUG
TEST(BencodeWriterDeathTest, UnsortedKeysAreOurBug) {
    Bytes out;
    Writer writer(out);
    writer.begin_dictionary().key("b").integer(1);
    EXPECT_DEATH(writer.key("a"), "last_key");
}
#endif

}  // namespace
}  // namespace btfs::bencode
