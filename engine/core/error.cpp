#include "engine/core/error.hpp"

#include <string>

namespace btfs {
namespace {

const char* text(Errc e) {
    switch (e) {
        case Errc::bencode_syntax: return "not valid bencode";
        case Errc::bencode_truncated: return "ends too early";
        case Errc::bencode_trailing_data: return "has data behind its end";
        case Errc::bencode_too_deep: return "is nested too deeply";
        case Errc::bencode_too_large: return "has too many values";
        case Errc::bencode_wrong_type: return "has a value of the wrong type";
        case Errc::bencode_missing_key: return "lacks a required key";
        case Errc::torrent_too_large: return "is larger than a torrent file may be";
        case Errc::torrent_no_info: return "has no info dictionary, so it is not a torrent";
        case Errc::torrent_bad_piece_length: return "has an unusable piece length";
        case Errc::torrent_bad_piece_hashes: return "has a wrong number of piece hashes";
        case Errc::torrent_bad_length: return "has a file of an impossible size";
        case Errc::torrent_bad_path: return "has a file without a usable path";
        case Errc::torrent_too_many_files: return "has more files than are supported";
        case Errc::torrent_too_many_pieces: return "has more pieces or blocks than are supported";
        case Errc::torrent_empty: return "has no content";
        case Errc::torrent_unsupported_version: return "is of a torrent version that is not supported yet";
        case Errc::torrent_bad_file_tree: return "has a malformed file tree";
        case Errc::magnet_malformed: return "is not a magnet link that can be understood";
        case Errc::magnet_no_hash: return "names no torrent (a magnet link needs xt=urn:btih:...)";
        case Errc::handshake_malformed: return "malformed handshake";
        case Errc::handshake_wrong_torrent: return "handshake for another torrent";
        case Errc::connected_to_self: return "connected to ourselves";
        case Errc::duplicate_peer: return "already connected to this peer";
        case Errc::message_too_long: return "message too long";
        case Errc::message_malformed: return "malformed message";
        case Errc::message_not_negotiated: return "message that was not negotiated";
        case Errc::bitfield_malformed: return "malformed bitfield";
        case Errc::index_out_of_range: return "index out of range";
        case Errc::message_flood: return "too many messages that serve nothing";
        case Errc::unwanted_data: return "data that nobody asked for";
        case Errc::peer_timed_out: return "peer timed out";
        case Errc::peer_banned: return "peer sent wrong data";
        case Errc::peer_not_needed: return "peer not needed";
        case Errc::torrent_paused: return "the torrent is paused";
        case Errc::other_transport: return "the peer is connected over another transport";
        case Errc::peer_out_of_date: return "peer does not know which pieces are gone";
        case Errc::connection_closed: return "connection closed by the peer";
        case Errc::encryption_malformed: return "malformed encryption handshake";
        case Errc::encryption_unknown_torrent: return "encrypted for a torrent that is not here";
        case Errc::encryption_no_common_method: return "no method of encryption that both sides take";
        case Errc::encryption_refused: return "encryption was refused";
        case Errc::tracker_bad_url: return "tracker URL is not usable";
        case Errc::tracker_bad_reply: return "tracker sent a malformed reply";
        case Errc::tracker_failure: return "tracker refused";
        case Errc::tracker_timed_out: return "tracker did not answer";
        case Errc::http_status: return "HTTP error status";
        case Errc::http_too_large: return "HTTP reply too large";
        case Errc::http_too_many_redirects: return "too many HTTP redirects";
        case Errc::http_malformed: return "malformed HTTP reply";
        case Errc::http_bad_url: return "not a usable HTTP URL";
        case Errc::http_redirect_refused: return "redirected from a public to a private address";
        case Errc::http_redirect_insecure: return "redirected from https to http";
        case Errc::http_local_refused: return "is on this machine or network, where torrents may ask trackers alone";
        case Errc::web_seed_waits: return "the HTTP seed has sent enough for now";
        case Errc::web_seed_busy: return "other torrents have all connections to the web seed's server";
        case Errc::web_seed_wrong_file: return "web seed has not the torrent's file";
        case Errc::web_seed_wrong_data: return "data of the web seed does not match the torrent's hashes";
        case Errc::address_malformed: return "not an address";
        case Errc::name_not_found: return "host name not found";
        case Errc::resolver_busy: return "too many host names are being looked up";
        case Errc::dht_off: return "needs the DHT, which is switched off";
        case Errc::publisher_not_found: return "nothing that its publisher has signed is found in the DHT";
        case Errc::proxy_bad_url: return "write it as socks5://[USER:PASSWORD@]HOST:PORT or http://[USER:PASSWORD@]HOST:PORT";
        case Errc::proxy_failed: return "the proxy cannot be reached";
        case Errc::proxy_malformed: return "the proxy sent a malformed answer";
        case Errc::proxy_login_needed: return "the proxy wants a user name and password";
        case Errc::proxy_login_refused: return "the proxy refuses the user name and password";
        case Errc::proxy_refused: return "the proxy refuses the connection";
        case Errc::proxy_host_unreachable: return "the proxy cannot reach the host";
        case Errc::proxy_no_command: return "the proxy does not support this";
        case Errc::proxy_no_udp: return "the proxy does not relay UDP";
        case Errc::proxy_only: return "not possible through the proxy";
        case Errc::storage_locked: return "in use by another btfs process";
        case Errc::storage_full: return "no space left in the cache";
        case Errc::storage_failed: return "the cache cannot be read or written";
        case Errc::storage_corrupt: return "the cache file is damaged";
        case Errc::filter_too_large: return "has more than 256 MiB of text, which is more than is read";
        case Errc::filter_too_many_entries: return "has more than 2,000,000 entries, which is more than are read";
        case Errc::filter_damaged: return "is compressed with gzip, and damaged or cut short";
        case Errc::filter_no_entries: return "has no line that names addresses; the formats are eMule's .dat, PeerGuardian's .p2p, and lists of addresses and networks";
        case Errc::address_filtered: return "in the IP filter";
        case Errc::cancelled: return "cancelled";
        case Errc::timed_out: return "timed out";
    }
    return "unknown error";
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"  // Boost's base has a protected destructor, by design
class Category final : public boost::system::error_category {
  public:
    const char* name() const noexcept override { return "btfs"; }
    std::string message(int value) const override { return text(static_cast<Errc>(value)); }
};
#pragma GCC diagnostic pop

}  // namespace

const boost::system::error_category& error_category() noexcept {
    static const Category category;
    return category;
}

}  // namespace btfs
