#include <boost/json.hpp>
#include <cstdio>
#include <future>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/failure.hpp"
#include "cli/sources.hpp"
#include "cli/torrent_url.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {
namespace {

boost::json::object as_json(const Metainfo& torrent) {
    boost::json::object out;
    out["name"] = torrent.name;
    if (torrent.identity.v1) out["info_hash_v1"] = torrent.identity.v1->hex();
    if (torrent.identity.v2) out["info_hash_v2"] = torrent.identity.v2->hex();
    out["piece_length"] = torrent.layout.piece_length();
    out["piece_count"] = torrent.layout.piece_count();
    out["private"] = torrent.is_private;
    if (torrent.creation_date) out["creation_date"] = *torrent.creation_date;
    if (!torrent.comment.empty()) out["comment"] = torrent.comment;
    if (!torrent.created_by.empty()) out["created_by"] = torrent.created_by;

    boost::json::array tiers;
    for (const auto& tier : torrent.trackers)
        tiers.emplace_back(boost::json::array(tier.begin(), tier.end()));
    out["trackers"] = std::move(tiers);

    std::uint64_t size = 0;
    boost::json::array files;
    for (const FileEntry& file : torrent.files) {
        if (file.pad) continue;
        boost::json::object entry{{"path", file.path}, {"size", file.size}};
        if (file.is_symlink()) entry["symlink_target"] = file.symlink_target;
        if (file.executable) entry["executable"] = true;
        if (file.hidden) entry["hidden"] = true;
        files.push_back(std::move(entry));
        size += file.size;
    }
    out["size"] = size;
    out["files"] = std::move(files);
    return out;
}

std::string human_size(std::uint64_t bytes) {
    const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < std::size(units)) {
        value /= 1024;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

void print(const Metainfo& torrent) {
    std::uint64_t size = 0;
    std::size_t count = 0;
    for (const FileEntry& file : torrent.files) {
        if (file.pad) continue;
        size += file.size;
        ++count;
    }
    std::cout << "name:       " << torrent.name << '\n';
    if (torrent.identity.v1) std::cout << "info-hash:  " << torrent.identity.v1->hex() << '\n';
    if (torrent.identity.v2) std::cout << "info-hash:  " << torrent.identity.v2->hex() << " (v2)\n";
    std::cout << "size:       " << human_size(size) << " (" << size << " bytes) in " << count
              << (count == 1 ? " file\n" : " files\n");
    std::cout << "pieces:     " << torrent.layout.piece_count() << " of "
              << human_size(torrent.layout.piece_length()) << '\n';
    if (torrent.is_private) std::cout << "private:    yes\n";
    if (!torrent.comment.empty()) std::cout << "comment:    " << torrent.comment << '\n';
    for (std::size_t tier = 0; tier < torrent.trackers.size(); ++tier)
        for (const std::string& url : torrent.trackers[tier])
            std::cout << "tracker " << tier + 1 << ":  " << url << '\n';
    for (const FileEntry& file : torrent.files) {
        if (file.pad) continue;
        std::cout << "  " << file.path;
        if (file.is_symlink()) {
            std::cout << " -> " << file.symlink_target << '\n';
        } else {
            std::cout << "  " << human_size(file.size) << '\n';
        }
    }
}

/// By an engine without a port or torrents.
TorrentSource download(const std::string& url) {
    std::promise<Result<net::HttpResponse>> response;
    Engine engine({});
    engine.start();
    engine.get(torrent_request(url),
               [&](Result<net::HttpResponse> got) { response.set_value(std::move(got)); });
    UrlAnswer answer = judge(response.get_future().get());
    engine.stop();
    if (!answer.torrent) throw Failure(shown_url(url) + ": " + answer.problem);
    return std::move(*answer.torrent);
}

Metainfo load(const std::string& word) {
    Sources sources = load_sources(settle_words({word}));
    for (const std::string& url : sources.urls) sources.add(download(url));
    if (sources.torrents.size() != 1) throw Failure(word + ": holds several torrents; name one of them");
    TorrentSource& source = sources.torrents.front();
    if (!source.metainfo)
        throw Failure(source.name + ": only the name of this torrent is known; mount it to fetch the rest");
    return std::move(*source.metainfo);
}

}  // namespace

int info(const InfoOptions& options) {
    const Metainfo torrent = load(options.source);
    if (options.json) {
        std::cout << boost::json::serialize(as_json(torrent)) << '\n';
    } else {
        print(torrent);
    }
    std::cout.flush();
    return std::cout ? kSuccess : kFailure;
}

}  // namespace btfs::cli
