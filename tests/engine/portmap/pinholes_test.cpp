#include "engine/portmap/pinholes.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "engine/portmap/upnp_error.hpp"

namespace btfs::portmap {
namespace {

constexpr int kNoSuchEntry = 704;

class PinholesTest : public testing::Test {
  protected:
    void will_answer(Result<UpnpReply> reply) { replies.push_back(std::move(reply)); }
    static UpnpReply with_id(std::uint16_t id) {
        return {.error = {}, .external_address = {}, .unique_id = id};
    }

    std::vector<std::string> asked;
    std::deque<Result<UpnpReply>> replies;
    Pinholes pinholes{*Address::parse("2001:db8:77::2"),
                      [this](std::string_view action, UpnpArguments arguments) {
                          std::string text(action);
                          for (const auto& [name, value] : arguments)
                              text += " " + std::string(name) + "=" + value;
                          asked.push_back(text);
                          Result<UpnpReply> reply = replies.front();
                          replies.pop_front();
                          return reply;
                      }};
    const std::string open_tcp =
        "AddPinhole RemoteHost= RemotePort=0 InternalClient=2001:db8:77::2 InternalPort=6881 Protocol=6 "
        "LeaseTime=7200";
    const std::string open_udp =
        "AddPinhole RemoteHost= RemotePort=0 InternalClient=2001:db8:77::2 InternalPort=6881 Protocol=17 "
        "LeaseTime=7200";
};

TEST_F(PinholesTest, AreOpenedForEachTransportAndRenewedAndClosedByTheirNumbers) {
    will_answer(with_id(7));
    const auto opened = pinholes.open(Transport::tcp, 6881);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->external_port, 6881);
    EXPECT_EQ(opened->lease, kMappingLease);
    will_answer(with_id(9));
    EXPECT_TRUE(pinholes.open(Transport::udp, 6881));
    for (int i = 0; i < 3; ++i) will_answer(UpnpReply{});
    EXPECT_TRUE(pinholes.open(Transport::tcp, 6881));
    EXPECT_FALSE(pinholes.close(Transport::udp));
    EXPECT_FALSE(pinholes.close(Transport::tcp));
    EXPECT_FALSE(pinholes.close(Transport::tcp)) << "of which there is none";
    EXPECT_EQ(asked,
              (std::vector<std::string>{open_tcp, open_udp, "UpdatePinhole UniqueID=7 NewLeaseTime=7200",
                                        "DeletePinhole UniqueID=9", "DeletePinhole UniqueID=7"}));
}

TEST_F(PinholesTest, OneThatTheFirewallForgotIsOpenedAnew) {
    will_answer(with_id(7));
    EXPECT_TRUE(pinholes.open(Transport::tcp, 6881));
    will_answer(upnp_error(kNoSuchEntry));
    will_answer(with_id(1));
    EXPECT_TRUE(pinholes.open(Transport::tcp, 6881));
    will_answer(UpnpReply{});
    pinholes.close(Transport::tcp);
    EXPECT_EQ(asked.back(), "DeletePinhole UniqueID=1");
}

TEST_F(PinholesTest, AFirewallThatIsNotReachedMayKnowItYet) {
    will_answer(with_id(7));
    EXPECT_TRUE(pinholes.open(Transport::tcp, 6881));
    will_answer(Errc::timed_out);
    EXPECT_EQ(pinholes.open(Transport::tcp, 6881).error(), Errc::timed_out);
    will_answer(UpnpReply{});
    EXPECT_TRUE(pinholes.open(Transport::tcp, 6881));
    EXPECT_EQ(asked.back(), "UpdatePinhole UniqueID=7 NewLeaseTime=7200");
}

TEST_F(PinholesTest, ARefusalOrAnAnswerWithoutANumberOpensNone) {
    will_answer(upnp_error(606));
    EXPECT_EQ(pinholes.open(Transport::tcp, 6881).error(), upnp_error(606));
    will_answer(UpnpReply{});
    EXPECT_EQ(pinholes.open(Transport::tcp, 6881).error(), Errc::http_malformed);
    EXPECT_FALSE(pinholes.close(Transport::tcp));
    EXPECT_EQ(asked, (std::vector<std::string>{open_tcp, open_tcp}));
}

}  // namespace
}  // namespace btfs::portmap
