#include "cli/service/torrent_facts.hpp"

#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

TEST(TorrentFacts, TextsAreCutAtTheEndOfACharacter) {
    Metainfo metainfo;
    metainfo.comment = std::string(TorrentFacts::kMaxText - 1, 'x') + "\u00e9";
    metainfo.created_by = std::string(TorrentFacts::kMaxText + 1, 'y');
    metainfo.source = std::string(TorrentFacts::kMaxText + 1, 'z');
    TorrentFacts facts;
    facts.take(metainfo);
    EXPECT_EQ(facts.comment, std::string(TorrentFacts::kMaxText - 1, 'x'));
    EXPECT_EQ(facts.creator, std::string(TorrentFacts::kMaxText, 'y'));
    EXPECT_EQ(facts.source, std::string(TorrentFacts::kMaxText, 'z'));
}

}  // namespace
}  // namespace btfs::cli
