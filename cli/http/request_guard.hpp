// Requests that web pages of others make a browser send, and how they are told from those of our own page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/endpoint.hpp"

namespace btfs::cli {

/// Returns true if a Host header names this machine: by an address, as localhost, or by one of `names`. A
/// page on another site whose name was made to lead here (DNS rebinding) sends that name.
bool is_own_host(std::string_view host, const std::vector<std::string>& names);

/// Headers that browsers alone send, each empty if there is none.
struct RequestOrigin {
    std::string_view host = {};
    std::string_view origin = {};
    std::string_view sec_fetch_site = {};
};

/// Returns true if a page of another site sent the request. Programs that are no browsers say nothing of
/// themselves, and are taken for no such page.
bool is_cross_site(const RequestOrigin& request);

/// Returns the address of a client. `forwarded` is the header X-Forwarded-For, to which each proxy adds the
/// address that it was asked from; its last entry counts, and only if the connection comes from this machine,
/// where a proxy may be.
Address client_address(const Address& from, std::string_view forwarded);

/// Returns the scheme by which a client reached the server, "http" or "https". `forwarded` is the header
/// X-Forwarded-Proto, which counts only if the connection comes from this machine, where a proxy with TLS may
/// be.
std::string_view client_scheme(const Address& from, std::string_view forwarded);

}  // namespace btfs::cli
