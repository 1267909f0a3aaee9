#include "engine/core/host_port.hpp"

#include <algorithm>
#include <charconv>

namespace btfs {

std::optional<HostPort> HostPort::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const bool ambiguous = !bracketed && host.find(':') != std::string_view::npos;

    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    const bool whole = error == std::errc{} && end == digits.data() + digits.size();
    if (host.empty() || ambiguous || !whole || port == 0) return std::nullopt;
    return HostPort{std::string(host), port};
}

std::string HostPort::text() const {
    const bool colons = host.find(':') != std::string::npos;
    return (colons ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace btfs
