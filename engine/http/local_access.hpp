// Rule which addresses of this machine and the local network a request may go to.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/core/endpoint.hpp"

namespace btfs::http {

/// A torrent is written by a stranger and read behind the user's firewall: its URLs must not reach what only
/// this user reaches. Public addresses are always allowed.
enum class LocalAccess : std::uint8_t {
    nothing,     ///< public addresses alone
    network,     ///< private addresses too, but neither this machine nor link-local ones
    everything,  ///< this machine too: the user wrote the URL, or it can be nothing but a tracker's
};

/// Returns true if the address belongs neither to this machine, nor to a private or local network, nor to a
/// multicast group.
bool is_public(const Address& address);

bool may_reach(LocalAccess access, const Address& address);

/// Returns which addresses a torrent's URL may reach, by its escaped path and query. All, if the path begins
/// with a tracker's name (announce, announce.php, as in libtorrent) and has no "..", "\" or escaped dots and
/// slashes that a server could take for another path. The local network, if the torrent chose no query:
/// routers and cameras take their commands from queries. Otherwise only public addresses.
LocalAccess local_access_of(std::string_view target);

/// The same for a web seed's URL, whose path says nothing: never this machine.
LocalAccess web_seed_access_of(std::string_view target);

}  // namespace btfs::http
