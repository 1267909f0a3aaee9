#include "cache/records/torrent_files.hpp"

#include <algorithm>
#include <cerrno>

namespace btfs {

std::string key_in(std::string_view name, std::string_view ending) {
    if (!name.ends_with(ending)) return {};
    name.remove_suffix(ending.size());
    return std::string(name);
}

std::optional<Identity> identity_of(std::string_view cache_key) {
    // Keys are written in lower case. Another spelling would be a second name of the same torrent.
    if (cache_key.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
    if (const auto v1 = Sha1Digest::from_hex(cache_key)) return Identity{v1, {}};
    if (const auto v2 = Sha256Digest::from_hex(cache_key)) return Identity{{}, v2};
    return std::nullopt;
}

/// First the claims are emptied for good: a claim of content that is not there would be believed. The file
/// that holds the lock goes last.
Error remove_torrent_files(Files& files, std::string_view cache_key) {
    const std::string claims = torrent_file(cache_key, kClaimsEnding);
    const auto file = files.open(claims, {.write = true, .create = true});
    if (!file) return file.error();
    if (const Error error = (*file)->try_lock())
        return error == system_error(EWOULDBLOCK) ? make_error_code(Errc::storage_locked) : error;
    if (const Error error = check_still_at(**file, files, claims)) return error;
    if (const Error error = (*file)->truncate(0)) return error;
    if (const Error error = (*file)->sync()) return error;
    for (const std::string_view ending : {kDataEnding, kInfoEnding, kPeersEnding, kClaimsEnding}) {
        const Error error = files.remove(torrent_file(cache_key, ending));
        if (error && error != system_error(ENOENT)) return error;
    }
    return {};
}

}  // namespace btfs
