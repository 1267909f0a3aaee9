// The status of torrents as JSON: for other commands, and for programs.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>

#include "cli/service/status_text.hpp"

namespace btfs::cli {

/// {"name": in the mount or as its source calls it, "info_hash": in hex or null, "id": a number that
/// no other torrent of this mount ever has, "state": state_text(), "paused": by the user, "size": in bytes or
/// null, "had": bytes, "peers": connected, "seeds": among them, "down", "up": bytes per second, "verifying":
/// 0 to 1 while what the cache has of it is verified anew, else null, "label", "url": of its file, without
/// secrets, "error": why it will never be there; the last three are null if there is none}. Names that are no
/// UTF-8 have its replacement character.
boost::json::object torrent_json(const TorrentReport& report);

/// Returns a hash of all that torrent_json() says: equal as long as that is, and made in a tenth of the time.
std::uint64_t torrent_json_hash(const TorrentReport& report);

/// {"endpoint", "client": as it calls itself or null, "flags": a word for each that holds of "web_seed",
/// "utp", "encrypted", "incoming", "seed", "interested" (in us), "interesting", "chokes_us", "choked",
/// "snubbed"; "pieces": that it has, "received", "sent": bytes of content, "asked": bytes of requests that
/// are not answered yet, "down", "up": bytes of content per second, "round_trip": in seconds}.
boost::json::object peer_json(const PeerStatus& peer);

/// {"url" without secrets, "family": "IPv4", "IPv6" or null, "working", "message" or null, "announcing": an
/// announce is under way, "announced_ago": seconds since the last one ended, or null, "next_announce_in":
/// seconds until the tracker may be asked again, or null, "peers": in its last answer, "seeds", "leechers":
/// numbers or null}.
boost::json::object tracker_json(const tracker::TrackerStatus& tracker, TimePoint now);

/// {"path": below the mountpoint, "size": in bytes, "pid", "process": the name of its reader, or null,
/// "client": the address of one over HTTP, whose "process" is its program as it calls itself, or null,
/// "position", "window_end": bytes of the file, or null while nothing is read ahead, "rate": bytes per second
/// or null, "scan": true if it is taken to look into files without showing them, so that nothing is fetched
/// ahead of it, "waiting": READs that wait for bytes, "waited": seconds of the longest, "why": it waits, in
/// words, or null}.
boost::json::object reader_json(const ReaderStatus& reader, const std::string& why = {});

/// {"version", "age": seconds since the mount was made, "port": or null, "proxy": or null, "peers", "down",
/// "up": of all torrents, "received", "wasted", "sent": bytes of content since then, "cache": {"used",
/// "limit"} in bytes or null without a bound, "scans": openings of files so far that were taken to be scans,
/// "readers": reader_json() of each}.
boost::json::object summary_json(const MountReport& report);

/// The same, and "torrents": torrent_json() of each, and in it "trackers": tracker_json() of those that
/// matter, and "connections": peer_json() of each.
boost::json::object mount_json(const MountReport& report);

}  // namespace btfs::cli
