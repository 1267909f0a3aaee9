// Addresses that stand for host names, which the proxy looks up and we do not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/core/endpoint.hpp"

namespace btfs::proxy {

/// Gives each name an address that is_reserved() and belongs to no host (RFC 1112, class E), so that code
/// that deals with addresses deals with names, too. Proxy and UdpRelay replace a stand-in by its name. A
/// stand-in is never told to others.
class StandIns {
  public:
    /// The one asked for least recently is forgotten: it leads nowhere from then on.
    static constexpr std::size_t kMaxNames = 16'384;

    /// The name's stand-in: the same each time, as long as it is not forgotten. Names are compared without
    /// regard to case.
    Address stand_in_of(std::string_view name);
    /// The name that it stands for; nothing for all other addresses.
    std::optional<std::string> name_of(const Address& address) const;
    static bool is_stand_in(const Address& address) { return address.is_reserved(); }
    std::size_t size() const { return names_.size(); }

  private:
    struct Entry {
        std::string name;
        Address address;
    };
    using Entries = std::list<Entry>;

    Address next_address();

    Entries entries_;  ///< the one asked for last first
    std::map<std::string, Entries::iterator, std::less<>> names_;
    std::map<Address, Entries::iterator> addresses_;
    std::uint32_t last_ = 0;
};

}  // namespace btfs::proxy
