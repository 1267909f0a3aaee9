#include "engine/wire/holepunch_message.hpp"

#include <gtest/gtest.h>

#include <string>

namespace btfs::wire {
namespace {

using Type = HolepunchMessage::Type;
using Failure = HolepunchMessage::Failure;

Result<std::optional<HolepunchMessage>> parse(std::string_view payload) {
    return HolepunchMessage::parse(as_bytes(payload));
}

TEST(HolepunchMessage, IsAsBep55WritesIt) {
    using namespace std::string_literals;
    const HolepunchMessage rendezvous{Type::rendezvous, *Endpoint::parse("49.50.51.52:13622")};
    EXPECT_EQ(as_text(rendezvous.encode()),
              "\0\0"s
              "123456"
              "\0\0\0\0"s);
    const HolepunchMessage error{Type::error, *Endpoint::parse("49.50.51.52:13622"), Failure::no_support};
    EXPECT_EQ(as_text(error.encode()),
              "\2\0"s
              "123456"
              "\0\0\0\3"s);
    const HolepunchMessage six{Type::connect, *Endpoint::parse("[2001:db8::1]:258")};
    EXPECT_EQ(as_text(six.encode()), "\1\1\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\2\0\0\0\0"s);
    for (const HolepunchMessage& message : {rendezvous, error, six}) {
        const auto again = HolepunchMessage::parse(message.encode());
        ASSERT_TRUE(again && *again);
        EXPECT_EQ(**again, message);
    }
}

// libtorrent sends 8 and 20 bytes where there is no error.
TEST(HolepunchMessage, NeedsAnErrorCodeInErrorsAlone) {
    using namespace std::string_literals;
    const auto connect = parse(
        "\1\0"s
        "123456");
    ASSERT_TRUE(connect && *connect);
    EXPECT_EQ(**connect, (HolepunchMessage{Type::connect, *Endpoint::parse("49.50.51.52:13622")}));
    EXPECT_TRUE(parse("\0\1"s + std::string(18, 'x')));
    for (std::size_t size = 0; size < 4; ++size)
        EXPECT_FALSE(
            parse("\2\0"s
                  "123456" +
                  std::string(size, '\0')))
            << size;
    const auto unheard_of = parse(
        "\2\0"s
        "123456"
        "\0\0\0\x63"s
        "and more");
    ASSERT_TRUE(unheard_of && *unheard_of);
    EXPECT_EQ(static_cast<std::uint32_t>((*unheard_of)->failure), 0x63u);
}

TEST(HolepunchMessage, OfAnUnknownKindIsNothingAndACutOneIsMalformed) {
    using namespace std::string_literals;
    for (const std::string& unknown : {"\3\0"s
                                       "123456"
                                       "\0\0\0\0"s,
                                       "\0\2"s
                                       "123456"
                                       "\0\0\0\0"s}) {
        const auto message = parse(unknown);
        ASSERT_TRUE(message);
        EXPECT_FALSE(*message);
    }
    for (const std::string& whole : {"\1\0"s
                                     "123456",
                                     "\1\1"s
                                     "1234567890123456ab"})
        for (std::size_t size = 0; size < whole.size(); ++size)
            EXPECT_EQ(parse(whole.substr(0, size)).error(), make_error_code(Errc::message_malformed)) << size;
}

}  // namespace
}  // namespace btfs::wire
