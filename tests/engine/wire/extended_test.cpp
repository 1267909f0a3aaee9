#include "engine/wire/extended.hpp"

#include <gtest/gtest.h>

namespace btfs::wire {
namespace {

ByteView bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

TEST(ExtendedHandshake, ALaterOneAddsToTheFirst) {
    const auto first = ExtendedHandshake::parse(
        bytes("d1:md11:lt_donthavei7e12:ut_holepunchi4e11:ut_metadatai3e6:ut_pexi1ee1:pi6881e4:"
              "reqqi500e11:upload_onlyi1e1:v4:abcde"));
    ASSERT_TRUE(first);
    const auto second = first->updated(bytes("d1:md6:ut_pexi0ee13:metadata_sizei20000ee"));
    ASSERT_TRUE(second);
    EXPECT_EQ(second->pex_id, 0) << "it is ended";
    EXPECT_EQ(second->metadata_id, 3);
    EXPECT_EQ(second->holepunch_id, 4);
    EXPECT_EQ(second->dont_have_id, 7);
    EXPECT_EQ(second->metadata_size, 20'000u);
    EXPECT_EQ(second->listen_port, 6881);
    EXPECT_EQ(second->reqq, 500u);
    EXPECT_EQ(second->client, "abcd");
    EXPECT_TRUE(second->upload_only);
    EXPECT_FALSE(second->updated(bytes("d11:upload_onlyi0ee"))->upload_only);
}

TEST(ExtendedHandshake, ValuesThatMakeNoSenseAreAsIfTheyWereNotThere) {
    const auto said = ExtendedHandshake::parse(
        bytes("d1:md11:ut_metadatai256e6:ut_pexi-1ee13:metadata_sizei-5e1:pi70000e4:reqq1:x6:yourip2:abe"));
    ASSERT_TRUE(said);
    EXPECT_EQ(said->metadata_id, 0);
    EXPECT_EQ(said->pex_id, 0);
    EXPECT_FALSE(said->metadata_size || said->listen_port || said->reqq || said->your_address);
    EXPECT_FALSE(ExtendedHandshake::parse(bytes("le")));
    EXPECT_FALSE(ExtendedHandshake::parse(bytes("d1:m")));
}

TEST(ExtendedHandshake, TheNameOfAClientIsCut) {
    const auto named = ExtendedHandshake::parse(bytes("d1:v1000:" + std::string(1000, 'x') + "e"));
    ASSERT_TRUE(named);
    EXPECT_EQ(named->client, std::string(64, 'x'));
}

}  // namespace
}  // namespace btfs::wire
