#include "engine/wire/metadata_message.hpp"

#include <gtest/gtest.h>

namespace btfs::wire {
namespace {

std::optional<MetadataMessage> parsed(ByteView payload) {
    auto message = parse_metadata_message(payload);
    EXPECT_TRUE(message) << message.error().message();
    return message ? *message : std::nullopt;
}

// Examples of BEP 9.
TEST(MetadataMessage, IsAsBep9WritesIt) {
    EXPECT_EQ(as_text(encode(MetadataRequest{0})), "d8:msg_typei0e5:piecei0ee");
    EXPECT_EQ(as_text(encode(MetadataReject{0})), "d8:msg_typei2e5:piecei0ee");
    const std::string data = "d8:msg_typei1e5:piecei0e10:total_sizei34256eexxxxxxxx";
    EXPECT_EQ(as_text(encode(MetadataData{0, 34256, as_bytes("xxxxxxxx")})), data);
    const auto message = parsed(as_bytes(data));
    ASSERT_TRUE(message && std::holds_alternative<MetadataData>(*message));
    const auto& read = std::get<MetadataData>(*message);
    EXPECT_EQ(read.total_size, 34256u);
    EXPECT_EQ(as_text(read.data), "xxxxxxxx");
}

TEST(MetadataMessage, RequestsAndRejectsAreReadBack) {
    EXPECT_EQ(std::get<MetadataRequest>(*parsed(encode(MetadataRequest{7}))).piece, 7u);
    EXPECT_EQ(std::get<MetadataReject>(*parsed(encode(MetadataReject{9}))).piece, 9u);
}

TEST(MetadataMessage, UnknownTypesAreIgnored) {
    EXPECT_FALSE(parsed(as_bytes("d8:msg_typei7e5:piecei0ee")));
}

TEST(MetadataMessage, MalformedOnesAreRefused) {
    for (const std::string& bad :
         {std::string(), std::string("x"), std::string("le"), std::string("de"),
          std::string("d8:msg_typei0ee"), std::string("d8:msg_typei0e5:piecei-1ee"),
          std::string("d8:msg_typei1e5:piecei0eexx"), std::string("d8:msg_typei0e5:piecei4294967296ee"),
          "d8:msg_typei1e5:piecei0e10:total_sizei99999ee" + std::string(kMetadataPieceSize + 1, 'x')})
        EXPECT_EQ(parse_metadata_message(as_bytes(bad)).error(), make_error_code(Errc::message_malformed))
            << bad.substr(0, 60);
}

}  // namespace
}  // namespace btfs::wire
