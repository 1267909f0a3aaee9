// ViewAction: a change of the mount that a key of the live view asks for.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>

namespace btfs::cli {

struct ViewAction {
    enum class Kind : std::uint8_t { remove, remove_with_data, pause, resume, pin, unpin };

    Kind kind = Kind::pause;
    std::string torrent = {};  ///< its info-hash, or its name while it has none
    std::string file = {};     ///< to pin or unpin, as a path in the mount; empty: the whole torrent
    std::string name = {};     ///< of the torrent or file, for the user
};

/// Returns the request to the mount's control socket, see MountControl.
boost::json::object request_of(const ViewAction& action);
/// Returns "removing NAME" and the like.
std::string text_before(const ViewAction& action);
/// Returns "removed NAME" and the like.
std::string text_after(const ViewAction& action);

}  // namespace btfs::cli
