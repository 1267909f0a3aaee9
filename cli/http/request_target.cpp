#include "cli/http/request_target.hpp"

#include "cli/http/header_text.hpp"

namespace btfs::cli {

RequestTarget split_target(std::string_view target) {
    RequestTarget parts;
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
        target.remove_prefix(scheme.size());
        parts.host = target.substr(0, target.find_first_of("/?"));
        target.remove_prefix(parts.host.size());
        if (target.empty() || target.front() == '?') target = "/";
        break;
    }
    parts.path = target.substr(0, target.find('?'));
    return parts;
}

}  // namespace btfs::cli
