// Magnet links (BEP 9, BEP 46, BEP 53) and bare info-hashes: a torrent's name, and where to ask for the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/error.hpp"
#include "engine/core/file_selection.hpp"
#include "engine/core/host_port.hpp"
#include "engine/core/identity.hpp"

namespace btfs {

inline constexpr std::size_t kMaxMagnetSize = 64 * 1024;
// Beyond these the rest is left out.
inline constexpr std::size_t kMaxMagnetPeers = 100;
inline constexpr std::size_t kMaxMagnetRanges = 1000;

/// A torrent as its publisher names it in the DHT, anew whenever it changes (BEP 46).
struct PublishedName {
    Digest<32> key;  ///< an Ed25519 public key
    std::string salt;

    /// As a magnet link says it.
    std::string link() const;
    bool operator==(const PublishedName&) const = default;
};

struct Magnet {
    Identity identity;                               ///< empty if `published` is there alone
    std::optional<PublishedName> published;          ///< `xs=urn:btpk:...` and `s`
    std::string name;                                ///< `dn`, decoded: not safe as a file's name
    std::vector<std::vector<std::string>> trackers;  ///< each `tr` a tier of its own, without repetitions
    std::vector<std::string> web_seeds;              ///< `ws`
    std::vector<HostPort> peers;                     ///< `x.pe`; those without a port are left out
    std::vector<FileRange> selected_files;           ///< `so`; empty: all
    std::optional<std::uint64_t> size;               ///< `xl`, bytes
};

/// True if `text` is to be given to parse_magnet(), and is neither a path nor a URL.
bool looks_like_magnet(std::string_view text);

/// Reads a magnet link with at least one of btih (40 digits of hex, or 32 of base32), btmh (SHA-256) and
/// btpk, or an info-hash alone. Keys are read in upper and lower case; quotes, blanks and line breaks of a
/// pasted link, `&amp;`, and what follows a hash are ignored. Unknown and malformed parameters are left out,
/// hashes and keys as well where another one is sound; percent signs that encode nothing stand for
/// themselves. Errors: magnet_malformed, magnet_no_hash.
Result<Magnet> parse_magnet(std::string_view text);

}  // namespace btfs
