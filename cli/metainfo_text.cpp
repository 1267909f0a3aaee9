#include "cli/metainfo_text.hpp"

#include <boost/json.hpp>
#include <sstream>

#include "cli/text/human_size.hpp"
#include "cli/text/one_line.hpp"

namespace btfs::cli {

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
    out["web_seeds"] = boost::json::array(torrent.web_seeds.begin(), torrent.web_seeds.end());
    out["http_seeds"] = boost::json::array(torrent.http_seeds.begin(), torrent.http_seeds.end());

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

std::string as_text(const Metainfo& torrent) {
    std::ostringstream out;
    std::uint64_t size = 0;
    std::size_t count = 0;
    for (const FileEntry& file : torrent.files) {
        if (file.pad) continue;
        size += file.size;
        ++count;
    }
    out << "name:       " << printable(torrent.name) << '\n';
    if (torrent.identity.v1) out << "info-hash:  " << torrent.identity.v1->hex() << '\n';
    if (torrent.identity.v2) out << "info-hash:  " << torrent.identity.v2->hex() << " (v2)\n";
    out << "size:       " << human_size(size) << " (" << size << " bytes) in " << count
        << (count == 1 ? " file\n" : " files\n");
    out << "pieces:     " << torrent.layout.piece_count() << " of "
        << human_size(torrent.layout.piece_length()) << '\n';
    if (torrent.is_private) out << "private:    yes\n";
    if (!torrent.comment.empty()) out << "comment:    " << one_line(torrent.comment) << '\n';
    for (std::size_t tier = 0; tier < torrent.trackers.size(); ++tier)
        for (const std::string& url : torrent.trackers[tier])
            out << "tracker " << tier + 1 << ":  " << one_line(url) << '\n';
    for (const std::string& url : torrent.web_seeds) out << "web seed:   " << one_line(url) << '\n';
    for (const std::string& url : torrent.http_seeds) out << "HTTP seed:  " << one_line(url) << '\n';
    for (const FileEntry& file : torrent.files) {
        if (file.pad) continue;
        out << "  " << printable(file.path);
        if (file.is_symlink()) {
            out << " -> " << printable(file.symlink_target) << '\n';
        } else {
            out << "  " << human_size(file.size) << '\n';
        }
    }
    return out.str();
}

}  // namespace btfs::cli
