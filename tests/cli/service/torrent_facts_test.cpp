#include "cli/service/torrent_facts.hpp"

#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

TEST(TorrentFacts, CommentAndCreatorAreCutAtTheEndOfACharacter) {
    Metainfo metainfo;
    metainfo.comment = std::string(TorrentFacts::kMaxText - 1, 'x') + "\u00e9";
    metainfo.created_by = std::string(TorrentFacts::kMaxText + 1, 'y');
    TorrentFacts facts;
    facts.take(metainfo);
    EXPECT_EQ(facts.comment, std::string(TorrentFacts::kMaxText - 1, 'x'));
    EXPECT_EQ(facts.creator, std::string(TorrentFacts::kMaxText, 'y'));
}

}  // namespace
}  // namespace btfs::cli
