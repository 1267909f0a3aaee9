#include "engine/metainfo/magnet.hpp"

#include <algorithm>
#include <charconv>

#include "engine/core/hex.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs {
namespace {

constexpr std::string_view kScheme = "magnet:?";
constexpr std::string_view kBtih = "urn:btih:";
constexpr std::string_view kBtmh = "urn:btmh:";
constexpr std::string_view kBtpk = "urn:btpk:";
constexpr std::size_t kMaxSaltSize = 64;               // BEP 44
constexpr std::string_view kSha256Multihash = "1220";  // the function and its 32 bytes, in hex

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool starts_with_any_case(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() &&
           std::ranges::equal(text.substr(0, prefix.size()), prefix, {}, lower);
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

// RFC 4648: 32 digits of five bits.
std::optional<Sha1Digest> from_base32(std::string_view text) {
    if (text.size() != 32) return std::nullopt;
    Sha1Digest digest;
    std::uint32_t bits = 0;
    unsigned count = 0;
    auto out = digest.bytes.begin();
    for (char c : text) {
        const char l = lower(c);
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

/// Calls `part` with what stands between the separators.
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

Error take_topic(std::string_view topic, Identity& identity) {
    if (starts_with_any_case(topic, kBtih)) {
        identity.v1 = v1_hash(topic.substr(kBtih.size()));
        if (!identity.v1) return Errc::magnet_malformed;
    } else if (starts_with_any_case(topic, kBtmh)) {
        topic.remove_prefix(kBtmh.size());
        if (!topic.starts_with(kSha256Multihash)) return Errc::magnet_malformed;
        identity.v2 = Sha256Digest::from_hex(topic.substr(kSha256Multihash.size()));
        if (!identity.v2) return Errc::magnet_malformed;
    }
    return {};
}

/// Other sources than publishers are left out.
Error take_source(std::string_view source, std::optional<Digest<32>>& key) {
    if (!starts_with_any_case(source, kBtpk)) return {};
    key = Digest<32>::from_hex(source.substr(kBtpk.size()));
    return key ? Error{} : Errc::magnet_malformed;
}

void take_url(std::string url, std::vector<std::string>& out) {
    if (url.empty() || url.size() > kMaxUrlSize || out.size() == kMaxTrackers) return;
    if (std::ranges::find(out, url) == out.end()) out.push_back(std::move(url));
}

}  // namespace

std::string PublishedName::link() const {
    std::string link = std::string(kScheme) + "xs=" + std::string(kBtpk) + key.hex();
    if (!salt.empty()) link += "&s=" + to_hex(as_bytes(salt));
    return link;
}

bool looks_like_magnet(std::string_view text) {
    return starts_with_any_case(text, "magnet:") || v1_hash(text);
}

Result<Magnet> parse_magnet(std::string_view text) {
    Magnet magnet;
    if (auto bare = v1_hash(text)) {
        magnet.identity.v1 = *bare;
        return magnet;
    }
    if (text.size() > kMaxMagnetSize || !starts_with_any_case(text, kScheme)) return Errc::magnet_malformed;
    Error error;
    std::vector<std::string> trackers;
    std::optional<Digest<32>> publisher;
    std::optional<Bytes> salt{std::in_place};
    split(text.substr(kScheme.size()), '&', [&](std::string_view parameter) {
        if (parameter.starts_with("amp;")) parameter.remove_prefix(4);  // pasted out of HTML
        const std::size_t equals = parameter.find('=');
        if (equals == std::string_view::npos || error) return;
        std::string_view key = parameter.substr(0, equals);
        if (key != "x.pe") key = key.substr(0, key.find('.'));  // tr.1, tr.2 ...
        std::string value = percent_decoded(parameter.substr(equals + 1));
        if (key == "xt") {
            error = take_topic(value, magnet.identity);
        } else if (key == "xs") {
            error = take_source(value, publisher);
        } else if (key == "s") {
            salt = from_hex(value);
        } else if (key == "dn") {
            std::ranges::replace(value, '+', ' ');
            magnet.name = std::move(value);
        } else if (key == "tr") {
            take_url(std::move(value), trackers);
        } else if (key == "ws") {
            take_url(std::move(value), magnet.web_seeds);
        } else if (key == "xl") {
            magnet.size = number<std::uint64_t>(value);
        } else if (key == "so") {
            take_selection(value, magnet.selected_files);
        } else if (key == "x.pe") {
            auto peer = HostPort::parse(value);
            if (peer && magnet.peers.size() < kMaxMagnetPeers) magnet.peers.push_back(std::move(*peer));
        }
    });
    if (error) return error;
    if (publisher) {
        if (!salt || salt->size() > kMaxSaltSize) return Errc::magnet_malformed;
        magnet.published = PublishedName{*publisher, std::string(as_text(*salt))};
    }
    if (magnet.identity.empty() && !publisher) return Errc::magnet_no_hash;
    for (std::string& url : trackers) magnet.trackers.push_back({std::move(url)});
    return magnet;
}

}  // namespace btfs
