#include "engine/mse/rc4.hpp"

#include <gtest/gtest.h>

#include <string>

#include "engine/core/hex.hpp"

namespace btfs::mse {
namespace {

std::string enciphered(std::string_view key, std::string_view text) {
    Rc4 rc4(as_bytes(key));
    Bytes bytes(as_bytes(text).begin(), as_bytes(text).end());
    rc4.apply(bytes);
    return to_hex(bytes);
}

TEST(Rc4, GivesTheKnownVectors) {
    EXPECT_EQ(enciphered("Key", "Plaintext"), "bbf316e8d940af0ad3");
    EXPECT_EQ(enciphered("Wiki", "pedia"), "1021bf0420");
    EXPECT_EQ(enciphered("Secret", "Attack at dawn"), "45a01f645fc35b383552544b9bf5");
}

/// RFC 6229: the key stream of a key of 40 bits.
TEST(Rc4, StepsOverTheBeginOfTheKeyStream) {
    constexpr std::string_view kKey = "\x01\x02\x03\x04\x05";
    EXPECT_EQ(enciphered(kKey, std::string(16, '\0')), "b2396305f03dc027ccc3524a0a1118a8");
    Rc4 rc4(as_bytes(kKey));
    rc4.discard(1024);
    Bytes stream(16);
    rc4.apply(stream);
    EXPECT_EQ(to_hex(stream), "30abbcc7c20b01609f23ee2d5f6bb7df");
}

TEST(Rc4, APieceAtATimeIsTheSameAsAllAtOnce) {
    Rc4 whole(as_bytes("key")), pieces(as_bytes("key"));
    Bytes text(1000, std::byte{'x'}), together(1000), apart(1000);
    whole.apply(text, together.data());
    for (std::size_t at = 0, size = 1; at < text.size();
         at += size, size = std::min(size + 7, text.size() - at))
        pieces.apply(ByteView(text).subspan(at, size), apart.data() + at);
    EXPECT_EQ(together, apart);
    EXPECT_NE(together, text);
    Rc4 other(as_bytes("key"));
    other.apply(together);
    EXPECT_EQ(together, text) << "deciphering is the same";
}

}  // namespace
}  // namespace btfs::mse
