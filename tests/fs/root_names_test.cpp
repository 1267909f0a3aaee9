#include "fs/root_names.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

namespace btfs {
namespace {

using testing::ElementsAre;

NamedTorrent torrent(std::string_view name, std::string_view digits) {
    return {name, *Sha1Digest::from_hex(std::string(digits) + std::string(40 - digits.size(), '0'))};
}

std::vector<std::string> names(const std::vector<NamedTorrent>& torrents) {
    return root_names(torrents, ".own");
}

TEST(RootNames, ANameOfOneTorrentIsItsOwn) {
    EXPECT_THAT(names({torrent("b", "1"), torrent("a", "2")}), ElementsAre("b", "a"));
}

TEST(RootNames, ANameOfSeveralIsNobodys) {
    EXPECT_THAT(names({torrent("film.mkv", "aaaa1111"), torrent("x", "3"), torrent("film.mkv", "bbbb2222")}),
                ElementsAre("film [aaaa1111].mkv", "x", "film [bbbb2222].mkv"));
}

TEST(RootNames, AReservedNameIsNobodysEither) {
    EXPECT_THAT(names({torrent(".own", "12345678")}), ElementsAre(".own [12345678]"));
}

TEST(RootNames, ImitatedDigitsMakeRoomForAllOfThem) {
    const std::string all = "aaaa1111" + std::string(32, '0');
    EXPECT_THAT(names({torrent("f", "aaaa1111"), torrent("f", "bbbb2222"), torrent("f [aaaa1111]", "cc")}),
                ElementsAre("f [" + all + "]", "f [bbbb2222]", "f [aaaa1111]"));
}

TEST(RootNames, DoNotDependOnTheOrder) {
    std::vector<NamedTorrent> torrents{torrent("f", "aaaa1111"),
                                       torrent("f", "bbbb2222"),
                                       torrent("f", "aaaa11112"),  // begins with the digits of the first
                                       torrent("f [aaaa1111]", "dd"),
                                       torrent("f [bbbb2222]", "ee"),
                                       torrent("g", "ff")};
    const auto by_hash = [&] {
        std::map<std::string, std::string> out;
        const auto given = names(torrents);
        for (std::size_t i = 0; i < torrents.size(); ++i) out[torrents[i].info_hash.hex()] = given[i];
        return out;
    };
    const auto less = [](const NamedTorrent& a, const NamedTorrent& b) {
        return a.info_hash.bytes < b.info_hash.bytes;
    };
    std::ranges::sort(torrents, less);
    const auto first = by_hash();
    std::set<std::string> distinct;
    for (const auto& [hash, name] : first) distinct.insert(name);
    EXPECT_EQ(distinct.size(), torrents.size());
    while (std::ranges::next_permutation(torrents, less).found) EXPECT_EQ(by_hash(), first);
}

}  // namespace
}  // namespace btfs
