#include "cli/http/request_guard.hpp"

#include <algorithm>

#include "cli/http/header_text.hpp"
#include "cli/text/trimmed.hpp"

namespace btfs::cli {
namespace {

/// Returns the host without its port, and without brackets.
std::string_view without_port(std::string_view host) {
    if (host.starts_with('[')) {
        const std::size_t end = host.find(']');
        return end == std::string_view::npos ? std::string_view() : host.substr(1, end - 1);
    }
    return host.substr(0, host.find(':'));
}

}  // namespace

bool is_own_host(std::string_view host, const std::vector<std::string>& names) {
    std::string_view name = without_port(host);
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty()) return false;
    if (Address::parse(name) || equals_ignoring_case(name, "localhost")) return true;
    return std::ranges::any_of(names,
                               [&](const std::string& own) { return equals_ignoring_case(own, name); });
}

bool is_cross_site(const RequestOrigin& request) {
    if (!request.origin.empty()) {
        const std::size_t scheme = request.origin.find("://");
        if (scheme == std::string_view::npos) return true;  // "null": a page without an origin
        return !equals_ignoring_case(request.origin.substr(scheme + 3), request.host);
    }
    return request.sec_fetch_site == "cross-site" || request.sec_fetch_site == "same-site";
}

Address client_address(const Address& from, std::string_view forwarded) {
    if (!from.is_loopback()) return from;
    const std::size_t comma = forwarded.rfind(',');
    const std::string_view last = comma == std::string_view::npos ? forwarded : forwarded.substr(comma + 1);
    // An IPv6 address may stand in brackets; either may have a port.
    const std::string_view entry = trimmed(last);
    if (const auto address = Address::parse(entry)) return *address;
    return Address::parse(without_port(entry)).value_or(from);
}

std::string_view client_scheme(const Address& from, std::string_view forwarded) {
    return from.is_loopback() && equals_ignoring_case(forwarded, "https") ? "https" : "http";
}

}  // namespace btfs::cli
