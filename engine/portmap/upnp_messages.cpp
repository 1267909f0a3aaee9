#include "engine/portmap/upnp_messages.hpp"

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpreplyparse.h>

#include <algorithm>
#include <charconv>

namespace btfs::portmap {
namespace {

/// Returns true for the known service types. The type is copied into an HTTP header and into XML, so no other
/// text is accepted.
bool is_service_type(std::string_view type) {
    for (const std::string_view known : {"urn:schemas-upnp-org:service:WANIPConnection:",
                                         "urn:schemas-upnp-org:service:WANPPPConnection:"}) {
        if (!type.starts_with(known)) continue;
        const std::string_view version = type.substr(known.size());
        return !version.empty() && version.find_first_not_of("0123456789") == std::string_view::npos;
    }
    return false;
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
    IGDdatas said{};
    parserootdesc(description.data(), static_cast<int>(description.size()), &said);
    const auto base = *said.urlbase ? http::HttpUrl::parse(said.urlbase) : Result<http::HttpUrl>(url);
    if (!base) return {};
    std::vector<UpnpService> services;
    for (const IGDdatas_service* service : {&said.first, &said.second}) {
        if (!is_service_type(service->servicetype)) continue;
        auto control = base->resolved(service->controlurl);
        if (!control || control->host != url.host || control->https) continue;
        services.push_back({service->servicetype, std::move(*control)});
    }
    return services;
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
    const std::string_view code = values["errorCode"];
    int error = 0;
    const auto [end, outcome] = std::from_chars(code.data(), code.data() + code.size(), error);
    if (outcome == std::errc{} && end == code.data() + code.size() && error > 0) reply.error = error;
    reply.external_address = values["NewExternalIPAddress"];
    return reply;
}

}  // namespace btfs::portmap
