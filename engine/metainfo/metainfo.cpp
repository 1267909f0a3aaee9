#include "engine/metainfo/metainfo.hpp"

#include <algorithm>

#include "engine/metainfo/bencode.hpp"
#include "engine/metainfo/charset.hpp"
#include "engine/metainfo/info_dictionary.hpp"
#include "engine/metainfo/utf8.hpp"

namespace btfs {
namespace {

using bencode::Kind;
using bencode::Value;

constexpr bencode::Limits kTorrentLimits{
    .max_size = kMaxTorrentFileSize, .max_depth = 300, .max_tokens = kMaxTorrentValues};
static_assert(kMaxTorrentValues * sizeof(bencode::Token) <= std::size_t{128} << 20);

std::string text_of(const Value& torrent, std::string_view key, const Charset* charset) {
    auto text = torrent.find(key, Kind::string);
    if (!text) return {};
    if (charset && !is_valid_utf8(text->string()))
        if (auto converted = charset->to_utf8(text->string())) return *converted;
    return to_valid_utf8(text->string());
}

/// Returns the encoding of strings that are not UTF-8. BitComet and old uTorrents write `codepage`.
std::optional<Charset> charset_of(const Value& torrent) {
    if (const auto encoding = torrent.find("encoding", Kind::string))
        if (auto charset = Charset::named(encoding->string())) return charset;
    if (const auto code_page = torrent.find("codepage", Kind::integer))
        return Charset::of_code_page(code_page->integer());
    return std::nullopt;
}

bool is_usable_host(std::string_view host) {
    return !host.empty() && host.size() <= kMaxUrlSize && std::ranges::none_of(host, [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
    });
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

void add_url(std::vector<std::string>& urls, const Value& url) {
    if (!url.is_string()) return;
    const std::string_view text = trimmed(url.string());
    if (!text.empty() && text.size() <= kMaxUrlSize && std::ranges::find(urls, text) == urls.end())
        urls.emplace_back(text);
}

std::vector<std::vector<std::string>> read_trackers(const Value& torrent) {
    std::vector<std::vector<std::string>> tiers;
    std::size_t count = 0;
    if (auto list = torrent.find("announce-list", Kind::list)) {
        for (Value tier : list->list()) {
            std::vector<std::string> urls;
            if (tier.is_list()) {
                for (Value url : tier.list()) {
                    if (count + urls.size() < kMaxTrackers) add_url(urls, url);
                }
            } else if (count < kMaxTrackers) {
                add_url(urls, tier);  // the item is a URL instead of a tier
            }
            count += urls.size();
            if (!urls.empty()) tiers.push_back(std::move(urls));
        }
    }
    if (auto announce = torrent.find("announce"); announce && tiers.empty()) {
        std::vector<std::string> urls;
        add_url(urls, *announce);
        if (!urls.empty()) tiers.push_back(std::move(urls));
    }
    return tiers;
}

/// Reads one URL or a list of them.
std::vector<std::string> read_urls(const Value& torrent, std::string_view key) {
    std::vector<std::string> urls;
    auto value = torrent.find(key);
    if (!value) return urls;
    if (value->is_string()) add_url(urls, *value);
    if (value->is_list()) {
        for (Value url : value->list()) {
            if (urls.size() < kMaxTrackers) add_url(urls, url);
        }
    }
    return urls;
}

std::vector<HostPort> read_nodes(const Value& torrent) {
    std::vector<HostPort> nodes;
    auto list = torrent.find("nodes", Kind::list);
    if (!list) return nodes;
    for (Value node : list->list()) {
        if (nodes.size() == kMaxDhtNodes) break;
        if (!node.is_list()) continue;
        std::vector<Value> parts;
        for (Value part : node.list()) {
            if (parts.size() < 3) parts.push_back(part);
        }
        if (parts.size() != 2 || !parts[0].is_string() || !parts[1].is_integer()) continue;
        const std::string_view host = parts[0].string();
        const std::int64_t port = parts[1].integer();
        if (!is_usable_host(host) || port <= 0 || port > 0xffff) continue;
        nodes.push_back({std::string(host), static_cast<std::uint16_t>(port)});
    }
    return nodes;
}

}  // namespace

Result<Metainfo> parse_torrent(ByteView torrent) {
    if (torrent.size() > kMaxTorrentFileSize) return Errc::torrent_too_large;
    // Accepts bytes behind the dictionary: editors and web servers append newlines.
    auto document = bencode::decode_prefix(torrent, kTorrentLimits);
    if (!document) return document.error();
    const Value root = document->root();
    auto info = root.find("info", Kind::dictionary);
    if (!info) return Errc::torrent_no_info;

    const std::optional<Charset> names = charset_of(root);
    const Charset* charset = names ? &*names : nullptr;
    auto result = read_info(*info, charset);
    if (!result) return result;
    result->trackers = read_trackers(root);
    result->dht_nodes = read_nodes(root);
    result->web_seeds = read_urls(root, "url-list");
    result->http_seeds = read_urls(root, "httpseeds");
    result->creation_date = root.find_clamped("creation date");
    result->comment = text_of(root, root.find("comment.utf-8") ? "comment.utf-8" : "comment", charset);
    result->created_by = text_of(root, "created by", charset);
    return result;
}

Result<Metainfo> parse_info(ByteView info) {
    if (info.size() > kMaxTorrentFileSize) return Errc::torrent_too_large;
    auto document = bencode::decode(info, kTorrentLimits);
    if (!document) return document.error();
    if (!document->root().is_dictionary()) return Errc::torrent_no_info;
    return read_info(document->root(), nullptr);
}

}  // namespace btfs
