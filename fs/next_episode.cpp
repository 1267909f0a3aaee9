#include "fs/next_episode.hpp"

#include "fs/episode_name.hpp"

namespace btfs {
namespace {

constexpr std::uint64_t kSmallestPart = 5;

}  // namespace

std::optional<NextEpisode> next_episode(const MountRoot& root, const MountedTorrent& torrent,
                                        NodeIndex file) {
    const Node& current = torrent.tree.nodes()[file];
    const EpisodeName name(current.name);
    std::optional<NextEpisode> best;
    EpisodeName::Match best_match = EpisodeName::Match::none;
    for (const MountRoot::Shown& shown : root.torrents) {
        const auto nodes = shown.torrent->tree.nodes();
        if (shown.torrent.get() == &torrent || nodes.size() > kMostFilesOfAnEpisode) continue;
        for (const Node& node : nodes) {
            if (node.kind != NodeKind::file || node.size == 0 || node.size < current.size / kSmallestPart)
                continue;
            const EpisodeName::Match match = name.match(node.name);
            if (match <= best_match) continue;
            best = {shown.torrent, shown.torrent->tree.index_of(node)};
            best_match = match;
        }
        if (best_match == EpisodeName::Match::same_group) break;
    }
    return best;
}

}  // namespace btfs
