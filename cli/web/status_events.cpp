#include "cli/web/status_events.hpp"

#include <boost/json.hpp>
#include <set>
#include <utility>

#include "cli/service/status_json.hpp"

namespace btfs::cli {
namespace {

/// Names a torrent: by its info-hash, which a link to the page keeps, once that is known.
std::string key_of(const TorrentReport& torrent) {
    return torrent.entry.info_hash.empty() ? Roster::id_text(torrent.index) : torrent.entry.info_hash;
}

}  // namespace

std::string StatusEvents::next(const MountReport& report) {
    boost::json::object status = summary_json(report);
    std::set<std::string> gone;
    std::string torrents;
    status["all"] = round_ == 0;
    ++round_;
    for (const TorrentReport& each : report.torrents) {
        const std::uint64_t hash = torrent_json_hash(each);
        const auto [at, is_new] = told_.try_emplace(each.index);
        Told& told = at->second;
        told.round = round_;
        if (!is_new && std::exchange(told.hash, hash) == hash) continue;
        told.hash = hash;
        std::string key = key_of(each);
        if (!is_new && told.key != key) gone.insert(told.key);
        boost::json::object json = torrent_json(each);
        json["key"] = key;
        told.key = std::move(key);
        if (!torrents.empty()) torrents += ',';
        torrents += boost::json::serialize(json);
    }
    // Each torrent of the report is in told_ now, so that those which are left over have gone.
    if (told_.size() > report.torrents.size())
        std::erase_if(told_, [&](const auto& entry) {
            if (entry.second.round == round_) return false;
            gone.insert(entry.second.key);
            return true;
        });
    // A torrent that was removed and added again has the key that it had.
    if (!gone.empty())
        for (const auto& [index, told] : told_) gone.erase(told.key);
    status["gone"] = boost::json::array(gone.begin(), gone.end());
    std::string event = "event: status\ndata: " + boost::json::serialize(status);
    event.pop_back();  // the object goes on
    return event + ",\"torrents\":[" + torrents + "]}\n\n";
}

}  // namespace btfs::cli
