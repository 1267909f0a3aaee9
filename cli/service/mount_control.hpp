// What other commands may ask of a running mount.
#pragma once

#include <boost/json/object.hpp>

#include "cli/service/served_torrents.hpp"

namespace btfs::cli {

/// Requests, as ControlSocket has them:
///   {"command": "pin", "path": "Film/film.mkv"}, {"command": "unpin", "path": ...}
///     The path lies below the mountpoint; "" is all that is mounted. Answer: {"files": 1, "bytes": size of
///     them, "pinned": bytes pinned in all of the mount, "room": bytes that pins may take, or null}.
/// Called on the control socket's thread.
class MountControl {
  public:
    /// It outlives this.
    explicit MountControl(ServedTorrents& torrents) : torrents_(torrents) {}

    /// Throws Failure: a request that is not understood, or cannot be carried out.
    boost::json::object handle(const boost::json::object& request);

  private:
    ServedTorrents& torrents_;
};

}  // namespace btfs::cli
