#include "engine/tracker/announcer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace btfs::tracker {
namespace {

using Tiers = std::vector<std::vector<std::string>>;

/// Announcer of one torrent in virtual time, over IPv4 unless told otherwise.
struct World {
    explicit World(const Tiers& tiers, std::vector<AddressFamily> families = {AddressFamily::v4})
        : announcer(options(std::move(families)), TrackerTiers(tiers, rng), rng) {}

    static Announcer::Options options(std::vector<AddressFamily> families) {
        Announcer::Options o;
        o.port = 6881;
        o.key = 42;
        o.families = std::move(families);
        return o;
    }

    Rng rng{3};
    TimePoint now = TimePoint{} + 1h;
    AnnounceProgress progress{.left = 1000};
    Announcer announcer;

    std::vector<AnnounceJob> jobs() {
        std::vector<AnnounceJob> all;
        while (auto job = announcer.poll_job(now, progress)) all.push_back(*job);
        return all;
    }
    AnnounceJob job() {
        auto all = jobs();
        EXPECT_EQ(all.size(), 1u);
        return all.empty() ? AnnounceJob{} : all[0];
    }
    /// Advances to the next timeout, which must be `by` from now.
    void wait(Duration by) {
        EXPECT_EQ(seconds(announcer.next_timeout() - now), seconds(by));
        now = announcer.next_timeout();
    }
    void answer(const AnnounceJob& job, Duration interval = 30min, Duration min_interval = {}) {
        AnnounceReply reply;
        reply.interval = interval;
        reply.min_interval = min_interval;
        announcer.handle_reply(job.id, reply, now);
    }
    void fail(const AnnounceJob& job) { announcer.handle_failure(job.id, Errc::connection_closed, now); }
};

const std::string a = "http://a.example/announce", b = "udp://b.example:80", c = "http://c.example/announce";

TEST(AnnouncerTest, StartsAtOnceAndComesAgainAfterTheInterval) {
    World w({{a}});
    EXPECT_TRUE(w.jobs().empty());
    EXPECT_EQ(w.announcer.next_timeout(), kNever);
    w.announcer.start(w.now);
    const AnnounceJob first = w.job();
    EXPECT_EQ(first.url, a);
    EXPECT_EQ(first.request.event, AnnounceEvent::started);
    EXPECT_EQ(first.request.left, 1000u);
    EXPECT_EQ(first.request.key, 42u);
    w.answer(first, 30min);
    EXPECT_TRUE(w.jobs().empty());
    w.wait(30min);
    w.progress.left = 500;
    const AnnounceJob second = w.job();
    EXPECT_EQ(second.request.event, AnnounceEvent::none);
    EXPECT_EQ(second.request.left, 500u);
}

TEST(AnnouncerTest, ATrackerNamedByItsAddressIsAskedOverItsFamilyAlone) {
    const std::string v4 = "http://192.0.2.1:6969/announce", v6 = "udp://[2001:db8::1]:6969";
    World w({{v4}, {v6}}, {AddressFamily::v4, AddressFamily::v6});
    w.announcer.start(w.now);
    const auto jobs = w.jobs();
    ASSERT_EQ(jobs.size(), 2u);
    EXPECT_EQ(jobs[0].url, v4);
    EXPECT_EQ(jobs[0].family, AddressFamily::v4);
    EXPECT_EQ(jobs[1].url, v6);
    EXPECT_EQ(jobs[1].family, AddressFamily::v6);
    for (const AnnounceJob& job : jobs) w.answer(job, 30min);
    EXPECT_TRUE(w.jobs().empty());
    w.wait(30min);
    EXPECT_EQ(w.jobs().size(), 2u);
    const auto shown = w.announcer.status();
    ASSERT_EQ(shown.size(), 2u) << "what is not asked is not shown";
    EXPECT_EQ(shown[0].url, v4);
    EXPECT_EQ(shown[1].url, v6);
}

TEST(AnnouncerTest, ADeadFirstTrackerDelaysTheStartByTwoSeconds) {
    World w({{a}, {b}, {c}});
    w.announcer.start(w.now);
    const AnnounceJob dead = w.job();
    EXPECT_EQ(dead.url, a);
    w.wait(2s);
    const AnnounceJob second = w.job();
    EXPECT_EQ(second.url, b);
    w.answer(second);
    EXPECT_TRUE(w.jobs().empty()) << "one answered";
    w.now += 1min;
    EXPECT_TRUE(w.jobs().empty()) << "the dead one is given up, and not asked again before it is time";
    w.now += 29min;
    EXPECT_EQ(w.jobs().at(0).url, a) << "BEP 12: the first tier first";
}

TEST(AnnouncerTest, AFailureAsksTheNextTrackerAtOnce) {
    World w({{a}, {b}});
    w.announcer.start(w.now);
    w.fail(w.job());
    const AnnounceJob second = w.job();
    EXPECT_EQ(second.url, b);
    EXPECT_EQ(second.request.event, AnnounceEvent::started);
}

TEST(AnnouncerTest, BacksOffWhenAllFail) {
    World w({{a}});
    w.announcer.start(w.now);
    Duration before{};
    for (int i = 0; i < 10; ++i) {
        w.fail(w.job());
        const Duration wait = w.announcer.next_timeout() - w.now;
        const Duration least = std::min<Duration>(15s * (1 << i), 30min);
        EXPECT_GE(wait, least);
        EXPECT_LE(wait, least * 12 / 10);
        EXPECT_GE(wait * 12 / 10, before);
        before = wait;
        w.now = w.announcer.next_timeout();
    }
    w.answer(w.job(), 20min);
    w.wait(20min);
}

TEST(AnnouncerTest, AJobThatNeverEndsIsGivenUp) {
    World w({{a}});
    w.announcer.start(w.now);
    const AnnounceJob lost = w.job();
    EXPECT_EQ(lost.timeout, Announcer::kJobTimeout);
    w.wait(Announcer::kJobTimeout);
    EXPECT_TRUE(w.jobs().empty());
    w.answer(lost, 1h);  // too late: the announcer has given the job up
    w.now = w.announcer.next_timeout();
    EXPECT_EQ(w.job().request.event, AnnounceEvent::started);
}

TEST(AnnouncerTest, WantPeersAsksTheOthersThenKeepsToTheMinimum) {
    World w({{a}, {b}});
    w.announcer.start(w.now);
    w.answer(w.job(), 30min, 5min);
    w.announcer.want_peers(w.now);
    const AnnounceJob other = w.job();
    EXPECT_EQ(other.url, b);
    w.answer(other, 40min, 6min);
    w.announcer.want_peers(w.now);
    EXPECT_TRUE(w.jobs().empty());
    w.now += 5min;
    w.announcer.want_peers(w.now);
    EXPECT_EQ(w.job().url, a);
}

TEST(AnnouncerTest, WithoutAMinimumTheIntervalIsOne) {
    World w({{a}});
    w.announcer.start(w.now);
    w.answer(w.job(), 30min);
    w.now += 29min;
    w.announcer.want_peers(w.now);
    EXPECT_TRUE(w.jobs().empty());
}

TEST(AnnouncerTest, AnotherPortIsToldAtOnceToThoseThatKnowUs) {
    World w({{a}, {b}});
    w.announcer.start(w.now);
    w.answer(w.job());
    w.announcer.set_port(AddressFamily::v4, 6881);
    EXPECT_TRUE(w.jobs().empty()) << "it is the same";
    w.announcer.set_port(AddressFamily::v4, 7000);
    const AnnounceJob told = w.job();
    EXPECT_EQ(told.url, a) << "b never heard of us";
    EXPECT_EQ(told.request.port, 7000);
    EXPECT_EQ(told.request.event, AnnounceEvent::none);
    w.answer(told);
    EXPECT_TRUE(w.jobs().empty());
    w.wait(30min);
    EXPECT_EQ(w.job().request.port, 7000);
}

TEST(AnnouncerTest, AnotherPortThatComesDuringAnAnnounceFollowsIt) {
    World w({{a}});
    w.announcer.start(w.now);
    const AnnounceJob first = w.job();
    w.announcer.set_port(AddressFamily::v4, 7000);
    EXPECT_TRUE(w.jobs().empty());
    w.answer(first);
    EXPECT_EQ(w.job().request.port, 7000);
}

TEST(AnnouncerTest, AnotherPortIsToldOverItsFamilyAlone) {
    World w({{a}}, {AddressFamily::v4, AddressFamily::v6});
    w.announcer.start(w.now);
    for (const AnnounceJob& job : w.jobs()) w.answer(job);
    w.announcer.set_port(AddressFamily::v4, 7000);
    const AnnounceJob again = w.job();
    EXPECT_EQ(again.family, AddressFamily::v4);
    w.answer(again);
    w.announcer.stop(w.now);
    std::map<AddressFamily, std::uint16_t> told;
    for (const AnnounceJob& job : w.jobs()) told[job.family] = job.request.port;
    EXPECT_EQ(told,
              (std::map<AddressFamily, std::uint16_t>{{AddressFamily::v4, 7000}, {AddressFamily::v6, 6881}}));
}

TEST(AnnouncerTest, APortThatIsKnownBeforeTheStartIsToldOnce) {
    World w({{a}});
    w.announcer.set_port(AddressFamily::v4, 7000);
    EXPECT_TRUE(w.jobs().empty());
    w.announcer.start(w.now);
    const AnnounceJob first = w.job();
    EXPECT_EQ(first.request.port, 7000);
    w.answer(first);
    EXPECT_TRUE(w.jobs().empty());
}

TEST(AnnouncerTest, AnotherPortAfterTheGoodbyeIsTooLate) {
    World w({{a}});
    w.announcer.start(w.now);
    w.answer(w.job());
    w.announcer.stop(w.now);
    w.announcer.set_port(AddressFamily::v4, 7000);
    EXPECT_EQ(w.job().request.event, AnnounceEvent::stopped);
    EXPECT_TRUE(w.jobs().empty());
}

TEST(AnnouncerTest, CompletedGoesOnceToThoseThatKnowUs) {
    World w({{a}, {b}});
    w.announcer.start(w.now);
    w.answer(w.job());
    w.progress.left = 0;
    w.announcer.complete();
    const AnnounceJob done = w.job();
    EXPECT_EQ(done.url, a);
    EXPECT_EQ(done.request.event, AnnounceEvent::completed);
    EXPECT_EQ(done.request.left, 0u);
    w.answer(done);
    EXPECT_TRUE(w.jobs().empty());
}

TEST(AnnouncerTest, CompletedWaitsForStarted) {
    World w({{a}});
    w.announcer.start(w.now);
    const AnnounceJob started = w.job();
    w.announcer.complete();
    EXPECT_TRUE(w.jobs().empty());
    w.answer(started);
    EXPECT_EQ(w.job().request.event, AnnounceEvent::completed);
}

TEST(AnnouncerTest, StoppedGoesToThoseThatKnowUsAndTakesThreeSecondsAtMost) {
    World w({{a}, {b}, {c}});
    w.announcer.start(w.now);
    w.answer(w.job());
    w.announcer.want_peers(w.now);
    w.answer(w.job());
    w.announcer.stop(w.now);
    const auto stops = w.jobs();
    ASSERT_EQ(stops.size(), 2u);
    for (const AnnounceJob& job : stops) {
        EXPECT_EQ(job.request.event, AnnounceEvent::stopped);
        EXPECT_EQ(job.request.numwant, 0u);
        EXPECT_LE(job.timeout, Announcer::kStopTimeout);
    }
    EXPECT_FALSE(w.announcer.stopped());
    w.answer(stops[0]);
    w.wait(3s);
    EXPECT_TRUE(w.jobs().empty());
    EXPECT_TRUE(w.announcer.stopped());
    EXPECT_EQ(w.announcer.next_timeout(), kNever);
}

TEST(AnnouncerTest, NobodyIsToldGoodbyeThatNeverAnswered) {
    World w({{a}});
    w.announcer.start(w.now);
    w.job();
    w.announcer.stop(w.now);
    EXPECT_TRUE(w.jobs().empty());
    EXPECT_TRUE(w.announcer.stopped());
    World idle({{a}});
    idle.announcer.stop(idle.now);
    EXPECT_TRUE(idle.announcer.stopped());
}

TEST(AnnouncerTest, AfterTheGoodbyeItStartsAnewAtOnce) {
    World w({{a}, {b}});
    w.announcer.start(w.now);
    w.answer(w.job(), 30min, 20min);
    w.announcer.stop(w.now);
    w.answer(w.job());
    w.now += 1h;
    EXPECT_TRUE(w.jobs().empty());
    EXPECT_EQ(w.announcer.next_timeout(), kNever);
    w.announcer.start(w.now);
    const AnnounceJob again = w.job();
    EXPECT_EQ(again.url, a);
    EXPECT_EQ(again.request.event, AnnounceEvent::started);
    w.answer(again);
    w.wait(30min);
    EXPECT_EQ(w.job().request.event, AnnounceEvent::none);
}

TEST(AnnouncerTest, AStartDuringTheGoodbyeFollowsItsAnswer) {
    World w({{a}});
    w.announcer.start(w.now);
    w.answer(w.job(), 30min);
    w.announcer.stop(w.now);
    const AnnounceJob goodbye = w.job();
    w.announcer.start(w.now);
    EXPECT_TRUE(w.jobs().empty()) << "the tracker may take them in the wrong order";
    w.answer(goodbye);
    EXPECT_EQ(w.job().request.event, AnnounceEvent::started);

    World silent({{a}});
    silent.announcer.start(silent.now);
    silent.answer(silent.job(), 30min);
    silent.announcer.stop(silent.now);
    silent.job();
    silent.announcer.start(silent.now);
    EXPECT_TRUE(silent.jobs().empty());
    silent.wait(3s);
    EXPECT_EQ(silent.job().request.event, AnnounceEvent::started);
}

TEST(AnnouncerTest, AStartBeforeTheGoodbyeIsSentIsNoNews) {
    World w({{a}});
    w.announcer.start(w.now);
    w.answer(w.job(), 30min);
    w.announcer.stop(w.now);
    w.announcer.start(w.now);
    EXPECT_EQ(w.job().request.event, AnnounceEvent::none);
}

TEST(AnnouncerTest, EachFamilyAnnouncesForItself) {
    World w({{a}}, {AddressFamily::v4, AddressFamily::v6});
    w.announcer.start(w.now);
    const auto jobs = w.jobs();
    ASSERT_EQ(jobs.size(), 2u);
    EXPECT_NE(jobs[0].family, jobs[1].family);
    EXPECT_EQ(jobs[0].request.key, jobs[1].request.key);
    w.answer(jobs[0], 30min);
    w.fail(jobs[1]);
    w.now = w.announcer.next_timeout();
    EXPECT_EQ(w.job().family, jobs[1].family);
    EXPECT_TRUE(w.announcer.status()[0].working);
    EXPECT_FALSE(w.announcer.status()[1].working);
}

TEST(AnnouncerTest, ARefusalIsShownAndItsTimeKept) {
    World w({{a}});
    w.announcer.start(w.now);
    AnnounceReply refusal;
    refusal.failure_reason = "unregistered torrent";
    refusal.retry_in = 10min;
    w.announcer.handle_reply(w.job().id, refusal, w.now);
    EXPECT_EQ(w.announcer.status()[0].message, "unregistered torrent");
    w.wait(10min);
    refusal.retry_in = Duration::max();
    w.announcer.handle_reply(w.job().id, refusal, w.now);
    EXPECT_EQ(w.announcer.next_timeout(), kNever);
    w.announcer.want_peers(w.now);
    EXPECT_TRUE(w.jobs().empty());
}

TEST(AnnouncerTest, TheStatusTellsWhenATrackerWasAskedAndIsAskedNext) {
    World w({{a}, {b}});
    const TimePoint began = w.now;
    const auto of = [&](std::size_t tracker) { return w.announcer.status().at(tracker); };
    EXPECT_FALSE(of(0).asked_at || of(0).ended_at || of(0).next_at);
    w.announcer.start(w.now);
    const AnnounceJob first = w.job();
    EXPECT_EQ(of(0).asked_at, began);
    EXPECT_FALSE(of(0).ended_at || of(0).next_at) << "it is being asked";
    EXPECT_EQ(of(1).next_at, began + Announcer::kPatience);
    w.now += 1s;
    AnnounceReply reply;
    reply.interval = 30min;
    reply.complete = 3;
    reply.peers.resize(4);
    w.announcer.handle_reply(first.id, reply, w.now);
    EXPECT_EQ(of(0).asked_at, began);
    EXPECT_EQ(of(0).ended_at, began + 1s);
    EXPECT_EQ(of(0).counted_at, began + 1s);
    EXPECT_EQ(of(0).next_at, began + 1s + 30min);
    EXPECT_EQ(of(0).peer_count, 4u);
    EXPECT_FALSE(of(1).asked_at || of(1).ended_at);
    w.now = *of(0).next_at;
    w.fail(w.job());
    EXPECT_EQ(of(0).ended_at, w.now);
    EXPECT_EQ(of(0).counted_at, began + 1s) << "an error tells no counts";
    EXPECT_EQ(of(0).peer_count, 0u);
    EXPECT_FALSE(of(0).working || of(0).timed_out);
    w.announcer.stop(w.now);
    EXPECT_FALSE(of(0).next_at || of(1).next_at);
}

TEST(AnnouncerTest, TheStatusTellsOfATrackerThatDidNotAnswerInTime) {
    World w({{a}});
    w.announcer.start(w.now);
    w.job();
    w.wait(Announcer::kJobTimeout);
    EXPECT_TRUE(w.jobs().empty());
    EXPECT_TRUE(w.announcer.status().at(0).timed_out);
    EXPECT_EQ(w.announcer.status().at(0).ended_at, w.now);
    EXPECT_EQ(w.announcer.status().at(0).next_at, w.announcer.next_timeout());
}

TEST(AnnouncerTest, TheTrackersIdIsEchoedToItAlone) {
    World w({{a}, {b}});
    w.announcer.start(w.now);
    AnnounceReply reply;
    reply.interval = 30min;
    reply.tracker_id = "id of a";
    w.announcer.handle_reply(w.job().id, reply, w.now);
    w.announcer.want_peers(w.now);
    EXPECT_EQ(w.job().request.tracker_id, "");
    w.now += 30min;
    EXPECT_EQ(w.jobs().at(0).request.tracker_id, "id of a");
}

TEST(AnnouncerTest, APartialSeedSaysPaused) {
    World w({{a}});
    w.progress.paused = true;
    w.announcer.start(w.now);
    const AnnounceJob first = w.job();
    EXPECT_EQ(first.request.event, AnnounceEvent::started);
    w.answer(first, 30min);
    w.now += 30min;
    EXPECT_EQ(w.job().request.event, AnnounceEvent::paused);
}

TEST(AnnouncerTest, ATrackerAddedLaterIsAskedAtOnce) {
    World w({});
    w.announcer.start(w.now);
    EXPECT_TRUE(w.jobs().empty());
    w.announcer.add_tracker(c, w.now);
    w.announcer.add_tracker(c, w.now);
    w.announcer.add_tracker("wss://no.example", w.now);
    EXPECT_EQ(w.job().url, c);
}

TEST(AnnouncerTest, AListOfOtherTrackersIsTakenUpAtOnce) {
    World w({{a}, {b}});
    w.announcer.start(w.now);
    w.answer(w.job(), 30min);
    w.now += 1min;
    w.announcer.set_trackers({{c}, {b}}, w.now);
    const auto jobs = w.jobs();
    ASSERT_EQ(jobs.size(), 2u);
    EXPECT_EQ(jobs[0].url, a);
    EXPECT_EQ(jobs[0].request.event, AnnounceEvent::stopped);
    EXPECT_EQ(jobs[0].timeout, Announcer::kStopTimeout);
    EXPECT_EQ(jobs[1].url, c);
    EXPECT_EQ(jobs[1].request.event, AnnounceEvent::started);
    w.fail(jobs[0]);
    w.answer(jobs[1], 30min);
    EXPECT_TRUE(w.jobs().empty()) << "the one that has gone is not asked again";
    const auto shown = w.announcer.status();
    ASSERT_EQ(shown.size(), 2u);
    EXPECT_EQ(shown[0].url, b);
    EXPECT_EQ(shown[1].url, c);
    w.now += 29min;
    w.announcer.set_trackers({{a}, {c}}, w.now);
    const AnnounceJob back = w.job();
    EXPECT_EQ(back.url, a);
    EXPECT_EQ(back.request.event, AnnounceEvent::started);
    w.announcer.set_trackers({}, w.now);
    EXPECT_EQ(w.job().url, c) << "its goodbye; the other had not answered yet";
    EXPECT_TRUE(w.announcer.status().empty());
    w.announcer.stop(w.now);
    w.now += 4s;
    EXPECT_TRUE(w.jobs().empty());
    EXPECT_TRUE(w.announcer.stopped());
}

TEST(AnnouncerTest, BackupsAreNotAskedWhileTheTrackerThatAnsweredStays) {
    World w({{a}, {b}, {c}});
    w.announcer.start(w.now);
    w.answer(w.job(), 30min);
    w.now += 1min;
    w.announcer.set_trackers({{c}, {b}, {a}}, w.now);
    EXPECT_TRUE(w.jobs().empty()) << "another order";
    w.announcer.set_trackers({{c}, {a}}, w.now);
    EXPECT_TRUE(w.jobs().empty()) << "one that was not asked has gone";
    EXPECT_EQ(w.announcer.next_timeout(), w.now + 29min);
    w.announcer.set_trackers({{c}}, w.now);
    const auto jobs = w.jobs();
    ASSERT_EQ(jobs.size(), 2u);
    EXPECT_EQ(jobs[0].request.event, AnnounceEvent::stopped);
    EXPECT_EQ(jobs[1].url, c);
}

TEST(AnnouncerTest, ATrackerThatIsRemovedDuringAWalkIsNotAsked) {
    World w({{a}, {b}, {c}});
    w.announcer.start(w.now);
    EXPECT_EQ(w.job().url, a);
    w.announcer.set_trackers({{a}, {c}}, w.now);
    EXPECT_EQ(w.job().url, c);
}

TEST(AnnouncerTest, TrackersOfAnIdleTorrentAreAskedOnceItStarts) {
    World w({{a}});
    w.announcer.set_trackers({{b}}, w.now);
    EXPECT_TRUE(w.jobs().empty());
    w.announcer.start(w.now);
    EXPECT_EQ(w.job().url, b);
}

TEST(AnnouncerTest, RandomTrackersAreNeverAskedTwiceAtOnceNorInAHurry) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE(seed);
        Rng dice(seed);
        World w({{a, b}, {c}}, {AddressFamily::v4, AddressFamily::v6});
        std::map<std::pair<std::string, AddressFamily>, TimePoint> last;
        std::map<std::pair<std::string, AddressFamily>, bool> answered;
        std::vector<std::pair<AnnounceJob, TimePoint>> open;
        w.announcer.start(w.now);
        int announces = 0;
        const TimePoint end = w.now + 24h;
        while (w.now < end) {
            for (AnnounceJob& job : w.jobs()) {
                ++announces;
                for (const auto& [other, since] : open) {
                    if (other.url == job.url && other.family == job.family) {
                        EXPECT_GE(w.now - since, Announcer::kJobTimeout) << "asked while a job is under way";
                    }
                }
                const auto key = std::pair(job.url, job.family);
                if (last.contains(key)) {
                    EXPECT_GE(w.now - last[key], answered[key] ? kShortestInterval : Announcer::kFirstRetry);
                }
                last[key] = w.now;
                answered[key] = false;
                open.emplace_back(job, w.now);
            }
            if (!open.empty() && dice.below(3) != 0) {
                const std::size_t i = dice.below(open.size());
                if (dice.below(2) == 0) {
                    w.answer(open[i].first, kShortestInterval + std::chrono::seconds(dice.below(1800)));
                    // The announcer ignores the answer to a job that it has given up.
                    if (w.now < open[i].second + Announcer::kJobTimeout)
                        answered[{open[i].first.url, open[i].first.family}] = true;
                } else {
                    w.fail(open[i].first);
                }
                open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
            }
            if (dice.below(5) == 0) w.announcer.want_peers(w.now);
            const TimePoint next = w.announcer.next_timeout();
            ASSERT_NE(next, kNever);
            w.now = std::max(w.now + 1s, std::min(next, w.now + std::chrono::seconds(dice.below(60))));
        }
        EXPECT_GT(announces, 20);
    }
}

TEST(TrackerTiersTest, ShufflesWithinTiersAndPromotes) {
    std::set<std::string> firsts;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        Rng rng(seed);
        TrackerTiers tiers({{a, b, a, "nonsense"}, {}, {c, b}}, rng);
        ASSERT_EQ(tiers.size(), 3u) << "repeated and unusable ones are left out";
        const auto order = tiers.order();
        firsts.insert(tiers.url(order[0]));
        EXPECT_EQ(tiers.url(order[2]), c);
        tiers.promote(order[1]);
        EXPECT_EQ(tiers.order(), (std::vector{order[1], order[0], order[2]}));
        tiers.promote(order[2]);
        EXPECT_EQ(tiers.order(), (std::vector{order[1], order[0], order[2]})) << "not across tiers";
    }
    EXPECT_EQ(firsts, (std::set{a, b}));
}

TEST(TrackerTiersTest, IsBounded) {
    Rng rng(1);
    Tiers many(1);
    for (int i = 0; i < 1000; ++i) many[0].push_back("http://t" + std::to_string(i) + ".example/");
    EXPECT_EQ(TrackerTiers(many, rng).size(), TrackerTiers::kMaxTrackers);
    TrackerTiers replaced;
    for (int round = 0; round < 30; ++round) {
        for (std::string& url : many[0]) url += "x";
        replaced.replace(many, rng);
    }
    EXPECT_EQ(replaced.size(), TrackerTiers::kMaxKnown);
    EXPECT_TRUE(replaced.order().empty()) << "they are all new";
}

TEST(AnnouncerTest, TrackersThatCannotBeAskedAreNamedInTheStatus) {
    World w({{"wss://w.example/", a}, {"http://u:secret@bad host/ann"}, {"bad url"}, {"wss://w.example/"}});
    w.announcer.start(w.now);
    EXPECT_EQ(w.job().url, a);
    const auto status = w.announcer.status();
    ASSERT_EQ(status.size(), 4u);
    EXPECT_TRUE(status[0].usable);
    const std::string reason = make_error_code(Errc::tracker_bad_url).message();
    for (std::size_t i = 1; i < 4; ++i) {
        EXPECT_FALSE(status[i].usable);
        EXPECT_FALSE(status[i].working);
        EXPECT_EQ(status[i].message, reason);
        EXPECT_EQ(status[i].url.find("secret"), std::string::npos);
    }
    EXPECT_EQ(status[1].url, "wss://w.example/");
    EXPECT_EQ(status[2].url, "http://bad host/ann");
    EXPECT_EQ(status[3].url, "bad url");
}

TEST(AnnouncerTest, APasswordIsUsedAndNotShown) {
    World w({{"http://u:secret@h.example/announce"}});
    w.announcer.start(w.now);
    EXPECT_EQ(w.job().url, "http://u:secret@h.example/announce");
    EXPECT_EQ(w.announcer.status().at(0).url, "http://h.example/announce");
}

TEST(AnnouncerTest, TrackersBeyondTheLimitAreIgnored) {
    Tiers many;
    for (std::size_t i = 0; i < TrackerTiers::kMaxTrackers + 10; ++i) {
        many.push_back({"http://h" + std::to_string(i) + ".example/"});
        many.push_back({"bad " + std::to_string(i)});
    }
    World w(many);
    EXPECT_EQ(w.announcer.status().size(), 2 * TrackerTiers::kMaxTrackers);
}

}  // namespace
}  // namespace btfs::tracker
