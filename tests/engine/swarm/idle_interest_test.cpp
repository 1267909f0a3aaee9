#include "engine/swarm/idle_interest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace btfs {
namespace {

const Address kHost = Address::parse("203.0.113.5")->network();
const Address kOther = Address::parse("198.51.100.7")->network();

struct FakeTorrent final : IdleInterest::Holder {
    explicit FakeTorrent(std::set<Address> connected_to = {kHost}) : hosts(std::move(connected_to)) {}
    bool is_connected_to(const Address& host) const override { return hosts.contains(host); }
    bool waits_at(const Address& host) const override { return choked_by.contains(host); }
    void reconsider_interest(TimePoint) override { ++reconsidered; }

    std::set<Address> hosts;
    std::set<Address> choked_by;
    int reconsidered = 0;
};

struct World {
    bool may(const FakeTorrent& torrent, const Address& host = kHost) const {
        return idle.may_be_interested(torrent, host);
    }
    IdleInterest idle;
    TimePoint now = TimePoint{} + 1h;
};

TEST(IdleInterest, IsForTheLatestOfAHostOnly) {
    World w;
    std::vector<FakeTorrent> torrents(3);
    for (FakeTorrent& each : torrents) w.idle.begin(each, w.now);
    EXPECT_FALSE(w.may(torrents[0])) << "two came later";
    EXPECT_TRUE(w.may(torrents[1]));
    EXPECT_TRUE(w.may(torrents[2]));
    EXPECT_EQ(torrents[0].reconsidered, 2);
    w.idle.end(torrents[2]);
    EXPECT_TRUE(w.may(torrents[0]));
    EXPECT_FALSE(w.may(torrents[2])) << "it is none of them any more";
}

TEST(IdleInterest, IsForFewTorrentsOfTheProcess) {
    World w;
    std::vector<FakeTorrent> torrents(IdleInterest::kMaxTorrents + 1, FakeTorrent(std::set<Address>{}));
    torrents[0].hosts = {kHost};
    for (FakeTorrent& each : torrents) w.idle.begin(each, w.now);
    EXPECT_FALSE(w.may(torrents[0])) << "nobody else is there, but four came later";
    EXPECT_TRUE(w.may(torrents[1]));
}

TEST(IdleInterest, MakesWayWhereAReaderWaits) {
    World w;
    FakeTorrent idle({kHost, kOther}), reads({kHost});
    w.idle.begin(idle, w.now);
    reads.choked_by = {kHost};
    w.idle.set_waiting(reads, true, w.now);
    EXPECT_EQ(idle.reconsidered, 1) << "it is told at once";
    EXPECT_FALSE(w.may(idle, kHost));
    EXPECT_TRUE(w.may(idle, kOther)) << "nobody waits there";
    reads.choked_by.clear();
    EXPECT_TRUE(w.may(idle, kHost)) << "the reader was served";
    reads.choked_by = {kHost};
    w.idle.set_waiting(reads, false, w.now);
    EXPECT_TRUE(w.may(idle, kHost));
}

TEST(IdleInterest, ForgetsATorrentThatGoes) {
    World w;
    FakeTorrent stays;
    {
        FakeTorrent goes;
        goes.choked_by = {kHost};
        w.idle.begin(goes, w.now);
        w.idle.set_waiting(goes, true, w.now);
        w.idle.remove(goes);
    }
    w.idle.begin(stays, w.now);
    EXPECT_TRUE(w.may(stays));
}

}  // namespace
}  // namespace btfs
