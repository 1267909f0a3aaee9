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

/// Neither of this machine, nor of a private or local network, nor of a group.
bool is_public(const Address& address);

bool may_reach(LocalAccess access, const Address& address);

/// Returns how far a torrent's URL may lead, by its escaped path and query. Everywhere, if the path begins
/// with a tracker's name (announce, announce.php, as in libtorrent) and has no "..", "\" or escaped dots and
/// slashes that a server could take for another path. Into the local network, if the torrent chose no query:
/// what routers and cameras do on a GET is told to them in queries. Else to public addresses alone.
LocalAccess local_access_of(std::string_view target);

}  // namespace btfs::http
