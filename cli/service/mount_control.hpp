// Requests of other commands to a running mount.
#pragma once

#include <boost/json/object.hpp>

#include "cli/service/served_torrents.hpp"

namespace btfs::cli {

/// Requests, as ControlSocket has them; each is an object with a "command":
/// - add: "link" (a magnet link or URL) or "file" (a torrent file in base64), and perhaps "label" and "pin"
///   (true: all of its files are pinned). Answer: "name", "info_hash" (or null), "id", "was_there", "warning"
///   (or null).
/// - remove: "torrent", an info-hash, a name in the mount, a URL or "id:3", with the "id" of torrent_json();
///   and perhaps "delete_data" (true: the cache drops its content, too). Answer: "name", and "warning" (or
///   null) if the next mount will have it again.
/// - set: "torrent" as for remove, and what is to change: "label" (text; commas part several), "pin" (true:
///   all of its files are pinned, also once they are known; false: none are), "download_limit" and
///   "upload_limit" (bytes per second), "max_peers" and "seed_ratio"; null for one of the last four: as the
///   mount has it; "none" for the last: no ratio ends uploading. Answer: "name".
/// - pause, resume: "torrent" as for remove; "" is all. Answer: "changed", how many were not so before.
/// - list: Answer: "torrents", an array of torrent_json().
/// - status: Answer: mount_json().
/// - torrent: "torrent" as for remove. Answer: torrent_details_json().
/// - pin, unpin, prefetch: "path" below the mountpoint; "" is all that is mounted. Answer: "files" and
///   "bytes", the number of the files and their size; "pinned", bytes pinned in all of the mount; "room",
///   bytes that pins may take, or null.
/// Called on the threads of the control socket's clients.
class MountControl {
  public:
    /// It outlives this.
    explicit MountControl(ServedTorrents& torrents) : torrents_(torrents) {}

    /// Throws Failure: a request that is not understood, or cannot be carried out.
    boost::json::object handle(const boost::json::object& request);

  private:
    boost::json::object add(const boost::json::object& request);
    boost::json::object remove(const boost::json::object& request);
    boost::json::object set(const boost::json::object& request);
    boost::json::object set_paused(const boost::json::object& request, bool paused);
    boost::json::object list();
    boost::json::object status();
    boost::json::object torrent(const boost::json::object& request);
    boost::json::object fetch(const boost::json::object& request, Fetching fetching);

    ServedTorrents& torrents_;
};

}  // namespace btfs::cli
