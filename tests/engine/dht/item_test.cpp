#include "engine/dht/item.hpp"

#include <gtest/gtest.h>

namespace btfs::dht {
namespace {

// Test vectors of BEP 44 and BEP 46.
const PublicKey kPublisher =
    *PublicKey::from_hex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548");

std::string raw(std::string_view hex) {
    const auto digest = *Digest<32>::from_hex(hex);
    return std::string(as_text(digest.view()));
}

RawItem hello(std::string_view signature_hex) {
    RawItem item;
    const ByteView value = as_bytes("12:Hello World!");
    item.value.assign(value.begin(), value.end());
    item.key = as_text(kPublisher.view());
    item.signature = raw(signature_hex.substr(0, 64)) + raw(signature_hex.substr(64));
    item.sequence = 1;
    return item;
}

constexpr std::string_view kSignature =
    "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
    "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01";
constexpr std::string_view kSaltedSignature =
    "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d"
    "df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08";

TEST(ItemTest, AMutableItemIsProvenByItsPublishersSignature) {
    const ItemName name = ItemName::mutable_of(kPublisher, "");
    EXPECT_EQ(name.target.hex(), "4a533d47ec9c7d95b1ad75f576cffc641853b750");
    EXPECT_TRUE(proves(name, hello(kSignature)));

    const ItemName salted = ItemName::mutable_of(kPublisher, "foobar");
    EXPECT_EQ(salted.target.hex(), "411eba73b6f087ca51a3795d9c8c938d365e32c1");
    EXPECT_TRUE(proves(salted, hello(kSaltedSignature)));
    EXPECT_FALSE(proves(salted, hello(kSignature))) << "of another salt";
}

TEST(ItemTest, NothingElseIsBelieved) {
    const ItemName name = ItemName::mutable_of(kPublisher, "");
    RawItem item = hello(kSignature);
    item.sequence = 2;
    EXPECT_FALSE(proves(name, item));
    item = hello(kSignature);
    item.value[3] ^= std::byte{1};
    EXPECT_FALSE(proves(name, item));
    item = hello(kSignature);
    item.signature.pop_back();
    EXPECT_FALSE(proves(name, item));
    item = hello(kSignature);
    item.key[0] = static_cast<char>(item.key[0] ^ 1);
    EXPECT_FALSE(proves(name, item));
    item.key.clear();
    EXPECT_FALSE(proves(name, item));
    item = hello(kSignature);
    item.sequence.reset();
    EXPECT_FALSE(proves(name, item));
}

TEST(ItemTest, AnImmutableItemIsProvenByItsHash) {
    const ItemName name = ItemName::immutable(*NodeId::from_hex("e5f96f6f38320f0f33959cb4d3d656452117aadb"));
    EXPECT_TRUE(proves(name, hello(kSignature)));
    RawItem item = hello(kSignature);
    item.value[3] ^= std::byte{1};
    EXPECT_FALSE(proves(name, item));
}

TEST(ItemTest, APublisherNamesATorrent) {
    const PublicKey key =
        *PublicKey::from_hex("8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e");
    EXPECT_EQ(ItemName::mutable_of(key, "").target.hex(), "cc3f9d90b572172053626f9980ce261a850d050b");
    EXPECT_EQ(ItemName::mutable_of(key, "n").target.hex(), "59ee7c2cb9b4f7eb1986ee2d18fd2fdb8a56554f");

    RawItem item;
    const ByteView value = as_bytes("d2:ih20:abcdefghij0123456789e");
    item.value.assign(value.begin(), value.end());
    EXPECT_EQ(info_hash_of(item), Sha1Digest::from(as_bytes("abcdefghij0123456789")));
    item.value.pop_back();
    EXPECT_FALSE(info_hash_of(item));
}

}  // namespace
}  // namespace btfs::dht
