#include "engine/portmap/pcp_messages.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace btfs::portmap {
namespace {

const Address kOurs = *Address::parse("192.168.1.7");
const Address kOursV6 = *Address::parse("2001:db8:77::2");
const std::string kNonce = "000102030405060708090a0b";

PcpNonce nonce() {
    PcpNonce nonce;
    for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<std::byte>(i);
    return nonce;
}

PcpRequest map_request() {
    return {.client = kOurs,
            .lifetime = std::chrono::hours(2),
            .mapping = PcpRequest::Mapping{.nonce = nonce(),
                                           .transport = Transport::tcp,
                                           .internal_port = 6881,
                                           .wanted_port = 6882,
                                           .wanted_address = {}}};
}

Bytes from_hex_text(const std::string& hex) {
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    return bytes;
}

std::string hex_text(const Bytes& bytes) {
    std::string text;
    for (const std::byte b : bytes) {
        text += "0123456789abcdef"[std::to_integer<int>(b >> 4)];
        text += "0123456789abcdef"[std::to_integer<int>(b & std::byte{15})];
    }
    return text;
}

/// A reply to map_request(), with port 7000 at 8.8.4.4 for 600 s, by a server that is 5 s old.
const std::string kMapReply =
    "02810000"
    "00000258"
    "00000005"
    "000000000000000000000000" +
    kNonce +
    "06000000"
    "1ae1"
    "1b58"
    "00000000000000000000ffff08080404";

TEST(PcpRequestTest, AMappingIsAskedForAsRfc6887HasIt) {
    EXPECT_EQ(hex_text(map_request().encoded()),
              "02010000"
              "00001c20"
              "00000000000000000000ffffc0a80107" +
                  kNonce +
                  "06000000"
                  "1ae1"
                  "1ae2"
                  "00000000000000000000ffff00000000");
}

TEST(PcpRequestTest, OverIpv6TheAddressesAreAsTheyAre) {
    PcpRequest request = map_request();
    request.client = kOursV6;
    request.mapping->transport = Transport::udp;
    EXPECT_EQ(hex_text(request.encoded()),
              "02010000"
              "00001c20"
              "20010db8007700000000000000000002" +
                  kNonce +
                  "11000000"
                  "1ae1"
                  "1ae2"
                  "00000000000000000000000000000000");
    request.mapping->wanted_address = kOursV6;
    EXPECT_TRUE(hex_text(request.encoded()).ends_with("1ae220010db8007700000000000000000002"));
}

TEST(PcpRequestTest, AnAnnounceIsAHeader) {
    EXPECT_EQ(hex_text(PcpRequest{.client = kOurs, .mapping = {}}.encoded()),
              "02000000"
              "00000000"
              "00000000000000000000ffffc0a80107");
}

TEST(PcpReplyTest, TellsTheMapping) {
    const auto reply = PcpReply::parse(from_hex_text(kMapReply));
    ASSERT_TRUE(reply && reply->mapping);
    EXPECT_EQ(reply->result, PcpResult::success);
    EXPECT_EQ(reply->lifetime, std::chrono::seconds(600));
    EXPECT_EQ(reply->epoch_s, 5u);
    EXPECT_EQ(reply->mapping->external_port, 7000);
    EXPECT_EQ(reply->mapping->external_address, *Address::parse("8.8.4.4"));
    EXPECT_TRUE(reply->answers(map_request()));
}

TEST(PcpReplyTest, AnswersNoOtherRequest) {
    const auto reply = PcpReply::parse(from_hex_text(kMapReply));
    ASSERT_TRUE(reply);
    PcpRequest other = map_request();
    other.mapping->nonce[11] ^= std::byte{1};
    EXPECT_FALSE(reply->answers(other)) << "another nonce";
    other = map_request();
    other.mapping->internal_port = 6880;
    EXPECT_FALSE(reply->answers(other)) << "another port";
    other = map_request();
    other.mapping->transport = Transport::udp;
    EXPECT_FALSE(reply->answers(other)) << "another transport";
    other.mapping.reset();
    EXPECT_FALSE(reply->answers(other)) << "an announce";
}

TEST(PcpReplyTest, ARequestOrAnotherOpcodeIsNone) {
    EXPECT_FALSE(PcpReply::parse(map_request().encoded()));
    Bytes peer = from_hex_text(kMapReply);
    peer[1] = std::byte{0x82};
    EXPECT_FALSE(PcpReply::parse(peer));
}

TEST(PcpReplyTest, ALengthThatCannotBeIsNone) {
    const Bytes whole = from_hex_text(kMapReply);
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(PcpReply::parse(ByteView(whole).first(size))) << size;
    Bytes longer = whole;
    longer.resize(1100);
    EXPECT_TRUE(PcpReply::parse(longer)) << "with options";
    longer.resize(1102);
    EXPECT_FALSE(PcpReply::parse(longer));
    longer.resize(1104);
    EXPECT_FALSE(PcpReply::parse(longer));
}

TEST(PcpReplyTest, AProtocolThatIsNotOursIsNone) {
    Bytes icmp = from_hex_text(kMapReply);
    icmp[36] = std::byte{1};
    EXPECT_FALSE(PcpReply::parse(icmp));
}

TEST(PcpReplyTest, NoLifetimeIsBelievedThatIsAbsurd) {
    Bytes reply = from_hex_text(kMapReply);
    std::fill_n(reply.begin() + 4, 4, std::byte{0xff});
    EXPECT_EQ(PcpReply::parse(reply)->lifetime, PcpReply::kLongestLifetime);
    reply[3] = std::byte{2};
    EXPECT_EQ(PcpReply::parse(reply)->lifetime, PcpReply::kLongestErrorLifetime);
}

TEST(PcpReplyTest, AServerOfNatPmpDoesNotSupportTheVersion) {
    // Version 0, the opcode of the request, result 1 in two bytes, and its own epoch.
    const auto reply = PcpReply::parse(from_hex_text("0081000100000042"));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->result, PcpResult::unsupported_version);
    EXPECT_TRUE(reply->answers(map_request()));
    EXPECT_FALSE(PcpReply::parse(from_hex_text("0081000000000042"))) << "success in another version";
    EXPECT_FALSE(PcpReply::parse(from_hex_text("00810001"))) << "too short";
}

TEST(PcpReplyTest, AServerOfAnotherVersionOfPcpDoesNotSupportOurs) {
    const auto reply =
        PcpReply::parse(from_hex_text("01800001"
                                      "00000000"
                                      "00000000"
                                      "000000000000000000000000"));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->result, PcpResult::unsupported_version);
}

TEST(PcpResultTest, EachHasAText) {
    for (int result = 0; result <= 13; ++result) EXPECT_NE(pcp_result_text(result), nullptr) << result;
    EXPECT_EQ(pcp_result_text(14), nullptr);
}

}  // namespace
}  // namespace btfs::portmap
