// Expected failures. Every parser and machine of the engine answers with Result<T>.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace btfs {

/// Reasons of failures. message() in error.cpp has a text for the user for each.
enum class Errc {
    // bencode
    bencode_syntax = 1,
    bencode_truncated,
    bencode_trailing_data,
    bencode_too_deep,
    bencode_too_large,
    bencode_wrong_type,
    bencode_missing_key,
    // metainfo
    torrent_too_large,
    torrent_no_info,
    torrent_bad_piece_length,
    torrent_bad_piece_hashes,
    torrent_bad_length,
    torrent_bad_path,
    torrent_too_many_files,
    torrent_too_many_pieces,
    torrent_empty,
    torrent_unsupported_version,
    torrent_bad_file_tree,
    magnet_malformed,
    magnet_no_hash,
    // peer wire
    handshake_malformed,
    handshake_wrong_torrent,
    connected_to_self,
    duplicate_peer,
    message_too_long,
    message_malformed,
    message_not_negotiated,
    bitfield_malformed,
    index_out_of_range,
    message_flood,
    unwanted_data,
    peer_timed_out,
    peer_banned,
    peer_not_needed,
    torrent_paused,
    other_transport,
    peer_out_of_date,  ///< it asks for what we gave up, and cannot be told
    connection_closed,
    // encryption of a connection
    encryption_malformed,
    encryption_unknown_torrent,
    encryption_no_common_method,
    encryption_refused,  ///< the user's rule is another, or the peer takes no part in it
    // trackers
    tracker_bad_url,
    tracker_bad_reply,
    tracker_failure,
    tracker_timed_out,
    // http
    http_status,
    http_too_large,
    http_too_many_redirects,
    http_malformed,
    http_bad_url,
    http_redirect_refused,
    http_redirect_insecure,
    http_local_refused,
    web_seed_busy,
    web_seed_waits,
    web_seed_wrong_file,
    web_seed_wrong_data,
    // names
    address_malformed,
    name_not_found,
    resolver_busy,
    dht_off,
    publisher_not_found,
    // proxy
    proxy_bad_url,
    proxy_failed,
    proxy_malformed,
    proxy_login_needed,
    proxy_login_refused,
    proxy_refused,
    proxy_host_unreachable,
    proxy_no_command,
    proxy_no_udp,
    proxy_only,  ///< it would go past the proxy
    // storage
    storage_locked,
    storage_full,
    storage_failed,
    storage_corrupt,
    // IP filter
    filter_too_large,
    filter_too_many_entries,
    filter_damaged,
    filter_no_entries,
    address_filtered,
    // all
    cancelled,
    timed_out,
};

const boost::system::error_category& error_category() noexcept;

inline boost::system::error_code make_error_code(Errc e) noexcept {
    return {static_cast<int>(e), error_category()};
}

using Error = boost::system::error_code;

template <class T>
using Result = boost::system::result<T>;

}  // namespace btfs

template <>
struct boost::system::is_error_code_enum<btfs::Errc> : std::true_type {};
