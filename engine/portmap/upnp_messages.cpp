#include "engine/portmap/upnp_messages.hpp"

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpreplyparse.h>

#include <algorithm>
#include <charconv>

namespace btfs::portmap {
namespace {

/// Returns true if the type is `known`, which ends with a colon, and a version. The type is copied into an
/// HTTP header and into XML, so no other text is accepted.
bool is_version_of(std::string_view known, std::string_view type) {
    if (!type.starts_with(known)) return false;
    const std::string_view version = type.substr(known.size());
    return !version.empty() && version.find_first_not_of("0123456789") == std::string_view::npos;
}

bool maps_ports(std::string_view type) {
    return is_version_of("urn:schemas-upnp-org:service:WANIPConnection:", type) ||
           is_version_of("urn:schemas-upnp-org:service:WANPPPConnection:", type);
}

bool opens_pinholes(std::string_view type) {
    return is_version_of("urn:schemas-upnp-org:service:WANIPv6FirewallControl:", type);
}

struct Description {
    IGDdatas said{};
    Result<http::HttpUrl> base;

    Description(std::string_view text, const http::HttpUrl& url) : base(url) {
        parserootdesc(text.data(), static_cast<int>(text.size()), &said);
        if (*said.urlbase) base = http::HttpUrl::parse(said.urlbase);
    }
};

/// Parses a number that is all of a value.
template <class T>
std::optional<T> parse_number(std::string_view text) {
    T number{};
    const auto [end, outcome] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (outcome != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::string first_lines(std::string_view method, const http::HttpUrl& url) {
    std::string lines(method);
    lines += ' ' + url.target + " HTTP/1.1\r\nHost: " + url.host_field +
             "\r\nConnection: close\r\nUser-Agent: btfs\r\n";
    return lines;
}

/// Names and values of a reply, as parsed by the library.
class NamedValues {
  public:
    explicit NamedValues(std::string_view body) {
        ParseNameValue(body.data(), static_cast<int>(body.size()), &values_);
    }
    NamedValues(const NamedValues&) = delete;
    NamedValues& operator=(const NamedValues&) = delete;
    ~NamedValues() { ClearNameValueList(&values_); }

    std::string_view operator[](const char* name) {
        const char* value = GetValueFromNameValueList(&values_, name);
        return value ? value : std::string_view{};
    }

  private:
    NameValueParserData values_{};
};

}  // namespace

std::vector<UpnpService> upnp_services(std::string_view description, const http::HttpUrl& url) {
    const Description parsed(description, url);
    if (!parsed.base) return {};
    std::vector<UpnpService> services;
    for (const IGDdatas_service* service : {&parsed.said.first, &parsed.said.second}) {
        if (!maps_ports(service->servicetype)) continue;
        auto control = parsed.base->resolved(service->controlurl);
        if (!control || control->host != url.host || control->https) continue;
        services.push_back({service->servicetype, std::move(*control)});
    }
    return services;
}

std::optional<UpnpService> upnp_firewall(std::string_view description, const http::HttpUrl& url) {
    const Description parsed(description, url);
    const IGDdatas_service& service = parsed.said.IPv6FC;
    const auto host = Address::parse(url.host);
    if (!parsed.base || !host || !opens_pinholes(service.servicetype)) return std::nullopt;
    const auto told = parsed.base->resolved(service.controlurl);
    if (!told || told->https) return std::nullopt;
    auto control = at_host(*told, *host);
    if (!control) return std::nullopt;
    return UpnpService{service.servicetype, std::move(*control)};
}

std::optional<http::HttpUrl> at_host(const http::HttpUrl& url, const Address& host) {
    const auto moved = http::HttpUrl::parse("http://" + Endpoint{host, url.port}.text() + url.target);
    return moved ? std::optional(*moved) : std::nullopt;
}

std::string upnp_description_request(const http::HttpUrl& url) {
    return first_lines("GET", url) + "\r\n";
}

std::string upnp_action_request(const UpnpService& service, std::string_view action,
                                UpnpArguments arguments) {
    std::string body =
        "<?xml version=\"1.0\"?>\r\n"
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
        "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><u:";
    body += action;
    body += " xmlns:u=\"" + service.type + "\">";
    for (const auto& [name, value] : arguments) {
        body += '<';
        body += name;
        body += '>' + value + "</";
        body += name;
        body += '>';
    }
    body += "</u:";
    body += action;
    body += "></s:Body></s:Envelope>\r\n";

    std::string request = first_lines("POST", service.control);
    request += "Content-Type: text/xml; charset=\"utf-8\"\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\nSOAPAction: \"" + service.type + '#';
    request += action;
    request += "\"\r\n\r\n";
    return request + body;
}

UpnpReply UpnpReply::parse(std::string_view body) {
    NamedValues values(body);
    UpnpReply reply;
    reply.error = parse_number<int>(values["errorCode"]);
    if (reply.error && *reply.error <= 0) reply.error.reset();
    reply.unique_id = parse_number<std::uint16_t>(values["UniqueID"]);
    reply.external_address = values["NewExternalIPAddress"];
    return reply;
}

}  // namespace btfs::portmap
