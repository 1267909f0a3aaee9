#include "engine/metainfo/magnet.hpp"

#include <algorithm>
#include <charconv>

#include "engine/core/ascii.hpp"
#include "engine/core/hex.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs {
namespace {

constexpr std::string_view kScheme = "magnet:";
constexpr std::string_view kBtih = "urn:btih:";
constexpr std::string_view kBtmh = "urn:btmh:";
constexpr std::string_view kBtpk = "urn:btpk:";
constexpr std::size_t kMaxSaltSize = 64;               // BEP 44
constexpr std::string_view kSha256Multihash = "1220";  // hex of the multihash code and the size, 32 bytes

bool starts_with_any_case(std::string_view text, std::string_view prefix) {
    return equal_without_case(text.substr(0, prefix.size()), prefix);
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            const auto high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
            if (high && low) {
                out += static_cast<char>(*high << 4 | *low);
                i += 2;
                continue;
            }
        }
        out += text[i];
    }
    return out;
}

// Parses RFC 4648's base32: 32 digits of five bits.
std::optional<Sha1Digest> from_base32(std::string_view text) {
    if (text.size() != 32) return std::nullopt;
    Sha1Digest digest;
    std::uint32_t bits = 0;
    unsigned count = 0;
    auto out = digest.bytes.begin();
    for (char c : text) {
        const char l = ascii_lower(c);
        unsigned value = 0;
        if (l >= 'a' && l <= 'z') {
            value = static_cast<unsigned>(l - 'a');
        } else if (l >= '2' && l <= '7') {
            value = static_cast<unsigned>(l - '2') + 26;
        } else {
            return std::nullopt;
        }
        bits = bits << 5 | value;
        count += 5;
        if (count < 8) continue;
        count -= 8;
        *out++ = static_cast<std::byte>(bits >> count & 0xff);
    }
    return digest;
}

std::optional<Sha1Digest> v1_hash(std::string_view text) {
    return text.size() == 40 ? Sha1Digest::from_hex(text) : from_base32(text);
}

template <class T>
std::optional<T> number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// Calls `part` with each piece of text between separators.
template <class F>
void split(std::string_view text, char separator, F part) {
    for (;;) {
        const std::size_t end = text.find(separator);
        part(text.substr(0, end));
        if (end == std::string_view::npos) return;
        text.remove_prefix(end + 1);
    }
}

void take_selection(std::string_view text, std::vector<FileRange>& out) {
    split(text, ',', [&](std::string_view part) {
        const std::size_t dash = part.find('-');
        const auto first = number<std::uint32_t>(part.substr(0, dash));
        const auto last =
            dash == std::string_view::npos ? first : number<std::uint32_t>(part.substr(dash + 1));
        if (first && last && *first <= *last && out.size() < kMaxMagnetRanges) out.push_back({*first, *last});
    });
}

// Returns the leading letters and digits: a hash without the blank, quote, slash or fragment that was pasted
// with it.
std::string_view hash_text(std::string_view text) {
    const auto end = std::ranges::find_if_not(text, [](char c) {
        const char l = ascii_lower(c);
        return (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9');
    });
    return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

// Takes the hash of an `xt`; the first usable hash of each kind counts. Returns false if the hash is
// malformed.
bool take_topic(std::string_view topic, Identity& identity) {
    if (starts_with_any_case(topic, kBtih)) {
        const auto hash = v1_hash(hash_text(topic.substr(kBtih.size())));
        if (hash && !identity.v1) identity.v1 = hash;
        return hash.has_value();
    }
    if (starts_with_any_case(topic, kBtmh)) {
        const std::string_view multihash = hash_text(topic.substr(kBtmh.size()));
        if (!multihash.starts_with(kSha256Multihash)) return false;
        const auto hash = Sha256Digest::from_hex(multihash.substr(kSha256Multihash.size()));
        if (hash && !identity.v2) identity.v2 = hash;
        return hash.has_value();
    }
    return true;
}

// Takes the key of an `xs` that names a publisher (BEP 46) and ignores any other. Returns false if the key is
// malformed.
bool take_source(std::string_view source, std::optional<Digest<32>>& key) {
    if (!starts_with_any_case(source, kBtpk)) return true;
    const auto read = Digest<32>::from_hex(hash_text(source.substr(kBtpk.size())));
    if (read && !key) key = read;
    return read.has_value();
}

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string_view without(std::string_view text, std::string_view around) {
    const std::size_t first = text.find_first_not_of(around);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(around) - first + 1);
}

// Returns the link without the quotes, angle brackets, blanks and line breaks that came with it when pasted.
std::string unwrapped(std::string_view text) {
    std::string out(without(text, " \t\r\n\"'<>"));
    std::erase_if(out, [](char c) { return c != ' ' && is_space(c); });
    return out;
}

void take_url(std::string_view text, std::vector<std::string>& out) {
    std::string url(without(text, " \t\r\n"));
    if (url.empty() || url.size() > kMaxUrlSize || out.size() == kMaxTrackers) return;
    if (std::ranges::find(out, url) == out.end()) out.push_back(std::move(url));
}

}  // namespace

std::string PublishedName::link() const {
    std::string link = std::string(kScheme) + "?xs=" + std::string(kBtpk) + key.hex();
    if (!salt.empty()) link += "&s=" + to_hex(as_bytes(salt));
    return link;
}

bool looks_like_magnet(std::string_view text) {
    const std::string_view inner = without(text, " \t\r\n\"'<>");
    return starts_with_any_case(inner, kScheme) || v1_hash(inner);
}

Result<Magnet> parse_magnet(std::string_view pasted) {
    if (pasted.size() > kMaxMagnetSize) return Errc::magnet_malformed;
    const std::string link = unwrapped(pasted);
    std::string_view text = link;
    Magnet magnet;
    if (auto bare = v1_hash(text)) {
        magnet.identity.v1 = *bare;
        return magnet;
    }
    if (!starts_with_any_case(text, kScheme)) return Errc::magnet_malformed;
    text.remove_prefix(kScheme.size());
    text.remove_prefix(std::min(text.find_first_not_of("/"), text.size()));  // magnet://?xt=...
    if (!text.starts_with('?')) return Errc::magnet_malformed;
    text.remove_prefix(1);

    bool sound = true;
    std::vector<std::string> trackers;
    std::optional<Digest<32>> publisher;
    std::optional<Bytes> salt{std::in_place};
    split(text, '&', [&](std::string_view parameter) {
        while (starts_with_any_case(parameter, "amp;")) parameter.remove_prefix(4);  // from HTML's "&amp;"
        const std::size_t equals = parameter.find('=');
        if (equals == std::string_view::npos) return;
        const std::string full_key = ascii_lower(without(parameter.substr(0, equals), " "));
        std::string_view key = full_key;
        if (key != "x.pe") key = key.substr(0, key.find('.'));  // tr.1, tr.2 ...
        std::string raw(parameter.substr(equals + 1));
        if (key == "dn") std::ranges::replace(raw, '+', ' ');  // "+" is a blank, "%2B" a plus
        std::string value = percent_decoded(raw);
        if (key == "xt") {
            sound = take_topic(without(value, " "), magnet.identity) && sound;
        } else if (key == "xs") {
            sound = take_source(without(value, " "), publisher) && sound;
        } else if (key == "s") {
            salt = from_hex(value);
        } else if (key == "dn") {
            magnet.name = without(value, " \t\r\n");
        } else if (key == "tr") {
            take_url(value, trackers);
        } else if (key == "ws") {
            take_url(value, magnet.web_seeds);
        } else if (key == "xl") {
            magnet.size = number<std::uint64_t>(without(value, " "));
        } else if (key == "so") {
            take_selection(value, magnet.selected_files);
        } else if (key == "x.pe") {
            auto peer = HostPort::parse(without(value, " "));
            if (peer && magnet.peers.size() < kMaxMagnetPeers) magnet.peers.push_back(std::move(*peer));
        }
    });
    if (publisher && salt && salt->size() <= kMaxSaltSize)
        magnet.published = PublishedName{*publisher, std::string(as_text(*salt))};
    const bool salt_is_wrong = publisher && !magnet.published;
    if (magnet.identity.empty() && !magnet.published)
        return sound && !salt_is_wrong ? Errc::magnet_no_hash : Errc::magnet_malformed;
    for (std::string& url : trackers) magnet.trackers.push_back({std::move(url)});
    return magnet;
}

}  // namespace btfs
