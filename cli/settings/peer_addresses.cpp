#include "cli/settings/peer_addresses.hpp"

#include "cli/process/failure.hpp"

namespace btfs::cli {

std::vector<HostPort> parse_addresses(const std::string& option, const std::vector<std::string>& texts) {
    std::vector<HostPort> addresses;
    for (const std::string& text : texts) {
        auto address = HostPort::parse(text);
        if (!address) throw Failure(option + " " + text + ": write it as HOST:PORT, or [IPv6]:PORT");
        addresses.push_back(std::move(*address));
    }
    return addresses;
}

}  // namespace btfs::cli
