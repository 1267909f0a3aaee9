#include "engine/http/local_access.hpp"

#include <algorithm>
#include <string>

#include "engine/core/ascii.hpp"

namespace btfs::http {
namespace {

bool is_trackers(std::string_view path) {
    const std::string lower = ascii_lower(path);
    for (const std::string_view detour : {"..", "//", "\\", "%2e", "%2f", "%5c", "%25", ";"})
        if (lower.find(detour) != std::string::npos) return false;
    const std::string_view first = std::string_view(lower).substr(1, lower.find('/', 1) - 1);
    return first == "announce" || first == "announce.php";
}

}  // namespace

bool is_public(const Address& address) {
    return !address.is_loopback() && !address.is_private() && !address.is_unspecified() &&
           !address.is_multicast();
}

bool may_reach(LocalAccess access, const Address& address) {
    if (access == LocalAccess::everything || is_public(address)) return true;
    return access == LocalAccess::network && address.is_private() && !address.is_link_local();
}

LocalAccess local_access_of(std::string_view target) {
    const std::size_t query = target.find('?');
    const std::string_view path = target.substr(0, query);
    if (path.starts_with('/') && is_trackers(path)) return LocalAccess::everything;
    return web_seed_access_of(target);
}

LocalAccess web_seed_access_of(std::string_view target) {
    return target.find('?') == std::string_view::npos ? LocalAccess::network : LocalAccess::nothing;
}

}  // namespace btfs::http
