#include "cli/link_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>

#include "cli/text/human_size.hpp"
#include "cli/text/one_line.hpp"

namespace btfs::cli {
namespace {

template <class T, class F>
boost::json::array array_of(const std::vector<T>& values, F as_value) {
    boost::json::array out;
    std::ranges::transform(values, std::back_inserter(out), as_value);
    return out;
}

std::string text_of(const FileRange& range) {
    return range.first == range.last ? std::to_string(range.first)
                                     : fmt::format("{}-{}", range.first, range.last);
}

}  // namespace

boost::json::object as_json(const TorrentSource& link) {
    boost::json::object out;
    out["name"] = link.name;
    if (link.identity.v1) out["info_hash_v1"] = link.identity.v1->hex();
    if (link.identity.v2) out["info_hash_v2"] = link.identity.v2->hex();
    if (link.published) out["publisher"] = link.published->link();
    if (link.size) out["size"] = *link.size;
    out["trackers"] = array_of(link.trackers,
                               [](const auto& tier) { return boost::json::array(tier.begin(), tier.end()); });
    out["web_seeds"] = boost::json::array(link.web_seeds.begin(), link.web_seeds.end());
    out["peers"] =
        array_of(link.peers, [](const HostPort& peer) { return boost::json::string(peer.text()); });
    out["selected_files"] = array_of(link.selected_files, [](const FileRange& range) {
        return boost::json::object{{"first", range.first}, {"last", range.last}};
    });
    return out;
}

std::string as_text(const TorrentSource& link) {
    std::string out;
    const auto line = [&](std::string_view key, std::string_view value) {
        fmt::format_to(std::back_inserter(out), "{:<11} {}\n", fmt::format("{}:", key), one_line(value));
    };
    line("name", link.name);
    if (link.identity.v1) line("info-hash", link.identity.v1->hex());
    if (link.identity.v2) line("info-hash", link.identity.v2->hex() + " (v2)");
    if (link.published) line("publisher", link.published->link());
    if (link.size) line("size", fmt::format("{} ({} bytes)", human_size(*link.size), *link.size));
    for (std::size_t tier = 0; tier < link.trackers.size(); ++tier)
        for (const std::string& url : link.trackers[tier]) line(fmt::format("tracker {}", tier + 1), url);
    for (const std::string& url : link.web_seeds) line("web seed", url);
    for (const HostPort& peer : link.peers) line("peer", peer.text());
    for (const FileRange& range : link.selected_files) line("file", text_of(range));
    line("files", "known when the torrent is mounted");
    return out;
}

}  // namespace btfs::cli
