#include "cli/web/status_events.hpp"

#include <boost/json.hpp>
#include <functional>

#include "cli/service/status_json.hpp"

namespace btfs::cli {
namespace {

/// Names a torrent for as long as it is in the mount.
std::string key_of(const RosterEntry& entry) {
    return !entry.info_hash.empty() ? entry.info_hash : !entry.url.empty() ? entry.url : entry.name;
}

}  // namespace

std::string StatusEvents::next(const MountReport& report) {
    boost::json::object status = summary_json(report);
    boost::json::array gone;
    std::string torrents;
    status["all"] = round_ == 0;
    ++round_;
    for (const TorrentReport& each : report.torrents) {
        boost::json::object json = torrent_json(each);
        std::string key = key_of(each.entry);
        json["key"] = key;
        std::string text = boost::json::serialize(json);
        const std::size_t hash = std::hash<std::string>()(text);
        Told& told = told_[std::move(key)];
        const bool is_news = told.round == 0 || told.hash != hash;
        told = {hash, round_};
        if (!is_news) continue;
        if (!torrents.empty()) torrents += ',';
        torrents += text;
    }
    std::erase_if(told_, [&](const auto& entry) {
        if (entry.second.round == round_) return false;
        gone.emplace_back(entry.first);
        return true;
    });
    status["gone"] = std::move(gone);
    std::string event = "event: status\ndata: " + boost::json::serialize(status);
    event.pop_back();  // the object goes on
    return event + ",\"torrents\":[" + torrents + "]}\n\n";
}

}  // namespace btfs::cli
