// A host by name or address, and a port.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace btfs {

struct HostPort {
    std::string host;
    std::uint16_t port = 0;

    /// Parses "HOST:PORT" or "[IPv6]:PORT". Refuses port 0.
    static std::optional<HostPort> parse(std::string_view text);
    /// Returns the form that parse() reads.
    std::string text() const;
    bool operator==(const HostPort&) const = default;
};

}  // namespace btfs
