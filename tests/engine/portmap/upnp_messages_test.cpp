#include "engine/portmap/upnp_messages.hpp"

#include <gtest/gtest.h>

namespace btfs::portmap {
namespace {

const http::HttpUrl at = *http::HttpUrl::parse("http://192.168.1.1:5000/root/description.xml");

std::string service(const std::string& type, const std::string& control) {
    return "<service><serviceType>" + type + "</serviceType><controlURL>" + control +
           "</controlURL></service>";
}

std::string described(const std::string& services, const std::string& base = {}) {
    return "<?xml version=\"1.0\"?><root>" + (base.empty() ? "" : "<URLBase>" + base + "</URLBase>") +
           "<device><serviceList>" + services + "</serviceList></device></root>";
}

const std::string kIp = "urn:schemas-upnp-org:service:WANIPConnection:1";
const std::string kPpp = "urn:schemas-upnp-org:service:WANPPPConnection:1";

TEST(UpnpMessagesTest, ServicesThatMapPortsAreFoundInADescription) {
    const auto found =
        upnp_services(described(service("urn:schemas-upnp-org:service:Layer3Forwarding:1", "/l3f") +
                                service(kPpp, "/ppp") + service(kIp, "/ip?x")),
                      at);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].type, kPpp);
    EXPECT_EQ(found[0].control.text, "http://192.168.1.1:5000/ppp");
    EXPECT_EQ(found[1].control.target, "/ip?x");
}

TEST(UpnpMessagesTest, ABaseCountsButNotAnotherHost) {
    const auto found = upnp_services(described(service(kIp, "/ctl"), "http://192.168.1.1:49152/"), at);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].control.port, 49152);
    EXPECT_TRUE(upnp_services(described(service(kIp, "/ctl"), "http://192.168.1.9:80/"), at).empty());
    EXPECT_TRUE(upnp_services(described(service(kIp, "http://example.org/ctl")), at).empty());
    EXPECT_TRUE(upnp_services(described(service(kIp, "https://192.168.1.1/ctl")), at).empty());
}

TEST(UpnpMessagesTest, ATypeThatWouldEndItsHeaderIsLeftOut) {
    EXPECT_TRUE(upnp_services(described(service(kIp + "\"\r\nX: y", "/ctl")), at).empty());
    EXPECT_TRUE(
        upnp_services(described(service("urn:schemas-upnp-org:service:WANIPConnection:", "/c")), at).empty());
}

TEST(UpnpMessagesTest, TheFirewallOfIpv6IsAtTheHostThatIsAsked) {
    const std::string type = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1";
    const auto url = *http::HttpUrl::parse("http://[fe80::1]:5000/gateway.xml");
    for (const char* control : {"/ctl/IP6FCtl", "http://[2001:db8::1]:5000/ctl/IP6FCtl"}) {
        const auto found = upnp_firewall(described(service(kIp, "/ip") + service(type, control)), url);
        ASSERT_TRUE(found) << control;
        EXPECT_EQ(found->type, type);
        EXPECT_EQ(found->control.text, "http://[fe80::1]:5000/ctl/IP6FCtl");
    }
    EXPECT_FALSE(upnp_firewall(described(service(kIp, "/ip")), url)) << "there is none";
    EXPECT_FALSE(upnp_firewall(described(service(type, "https://[fe80::1]/ctl")), url));
    EXPECT_FALSE(upnp_firewall(described(service(type + "\"\r\nX: y", "/ctl")), url));
    EXPECT_FALSE(upnp_firewall("<root><service>", url));
}

TEST(UpnpMessagesTest, JunkDescribesNothing) {
    for (const std::string& junk :
         {std::string(), std::string("<"), std::string("<root><service>"), std::string(100'000, '<'),
          std::string(5000, '\0'), "<controlURL>" + std::string(50'000, 'a') + "</controlURL>"})
        EXPECT_TRUE(upnp_services(junk, at).empty());
}

TEST(UpnpMessagesTest, AnActionIsAPostOfItsArguments) {
    const UpnpService to{kIp, *http::HttpUrl::parse("http://192.168.1.1:5000/ctl")};
    const std::string request = upnp_action_request(to, "DeletePortMapping", {{"NewExternalPort", "6881"}});
    EXPECT_TRUE(request.starts_with("POST /ctl HTTP/1.1\r\nHost: 192.168.1.1:5000\r\n"));
    EXPECT_NE(request.find("\r\nSOAPAction: \"" + kIp + "#DeletePortMapping\"\r\n"), std::string::npos);
    EXPECT_NE(request.find("<u:DeletePortMapping xmlns:u=\"" + kIp +
                           "\"><NewExternalPort>6881</NewExternalPort></u:DeletePortMapping>"),
              std::string::npos);
    const std::size_t body = request.find("\r\n\r\n") + 4;
    EXPECT_NE(request.find("Content-Length: " + std::to_string(request.size() - body) + "\r\n"),
              std::string::npos);
}

TEST(UpnpMessagesTest, AReplySaysTheAddressOrAnError) {
    const UpnpReply good = UpnpReply::parse(
        "<s:Envelope><s:Body><u:GetExternalIPAddressResponse><NewExternalIPAddress>203.0.113.5"
        "</NewExternalIPAddress></u:GetExternalIPAddressResponse></s:Body></s:Envelope>");
    EXPECT_EQ(good.external_address, "203.0.113.5");
    EXPECT_FALSE(good.error);
    EXPECT_FALSE(good.unique_id);
    EXPECT_EQ(UpnpReply::parse("<r><UniqueID>65535</UniqueID></r>").unique_id, 65535);
    for (const char* none : {"", "65536", "-1", "7x"})
        EXPECT_FALSE(
            UpnpReply::parse("<r><UniqueID>" + std::string(none) + "</UniqueID></r>").unique_id.has_value())
            << none;
    EXPECT_EQ(UpnpReply::parse("<UPnPError><errorCode>718</errorCode></UPnPError>").error, 718);
    for (const char* none : {"", "0", "-3", "718x", "99999999999999"})
        EXPECT_FALSE(
            UpnpReply::parse("<e><errorCode>" + std::string(none) + "</errorCode></e>").error.has_value())
            << none;
}

}  // namespace
}  // namespace btfs::portmap
