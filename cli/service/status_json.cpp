#include "cli/service/status_json.hpp"

#include <boost/json/value.hpp>
#include <cmath>
#include <string>

#include "engine/metainfo/utf8.hpp"

namespace btfs::cli {
namespace {

boost::json::value text_or_null(const std::string& text) {
    if (text.empty()) return nullptr;
    return boost::json::value(to_valid_utf8(text));
}

std::uint64_t whole(double rate) {
    return static_cast<std::uint64_t>(std::llround(rate));
}

}  // namespace

boost::json::object torrent_json(const TorrentReport& report) {
    const RosterEntry& entry = report.entry;
    const TorrentStatus status = report.status.value_or(TorrentStatus{});
    boost::json::object torrent{{"name", to_valid_utf8(entry.name)},
                                {"info_hash", text_or_null(entry.info_hash)},
                                {"state", state_text(report)},
                                {"size", nullptr},
                                {"had", 0},
                                {"peers", status.peers},
                                {"seeds", status.seeds},
                                {"down", whole(status.rates.down)},
                                {"up", whole(status.rates.up)},
                                {"label", text_or_null(entry.label)},
                                {"url", text_or_null(entry.url)},
                                {"error", text_or_null(entry.problem)}};
    if (status.content) {
        torrent["size"] = status.content->size;
        torrent["had"] = status.content->size - status.content->left;
    }
    return torrent;
}

}  // namespace btfs::cli
