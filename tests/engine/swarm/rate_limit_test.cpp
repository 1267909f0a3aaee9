#include "engine/swarm/rate_limit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "engine/core/rng.hpp"

namespace btfs {
namespace {

const TimePoint kStart = TimePoint{} + 1h;

/// Takes all that it can get, as a torrent does.
struct Taker {
    explicit Taker(RateLimit* limit, Urgency the_urgency = Urgency::background)
        : share(limit), urgency(the_urgency) {}

    void go_on(TimePoint now) {
        if (share.is_held() && !share.begin_turn(now)) return;
        while (wanted > 0 && share.take(kBlockSize, urgency, now)) {
            taken += kBlockSize;
            wanted -= kBlockSize;
        }
        share.end_turn();
    }

    RateLimit::Share share;
    Urgency urgency;
    std::int64_t wanted = std::int64_t{1} << 50;
    std::uint64_t taken = 0;
};

/// A limit and its takers in virtual time. Each is called when it asks to be, and `lateness()` after that.
struct World {
    explicit World(double rate) : limit(rate) {}

    Taker& add(Urgency urgency = Urgency::background) {
        takers.push_back(std::make_unique<Taker>(&limit, urgency));
        takers.back()->go_on(now);
        return *takers.back();
    }
    void run_for(Duration time) {
        const TimePoint end = now + time;
        for (;;) {
            TimePoint next = kNever;
            for (const auto& taker : takers) next = std::min(next, taker->share.ready_at());
            if (next > end) break;
            now = std::max(now, next) + lateness();
            for (const auto& taker : takers)
                if (taker->share.ready_at() <= now && taker.get() != absent) taker->go_on(now);
            ASSERT_LT(++calls, 1'000'000) << "it spins";
        }
        now = end;
    }

    RateLimit limit;
    std::vector<std::unique_ptr<Taker>> takers;
    TimePoint now = kStart;
    std::function<Duration()> lateness = [] { return Duration{}; };
    const Taker* absent = nullptr;
    int calls = 0;
};

constexpr std::uint64_t kRates[] = {20'000, 300'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

/// Expects that the limit lets its rate through, over a hundred seconds, within a tenth of a second or a
/// block.
void expect_exact(World& w, std::uint64_t rate) {
    Taker& taker = w.add();
    w.run_for(1s);
    const std::uint64_t before = taker.taken;
    w.run_for(100s);
    EXPECT_NEAR(static_cast<double>(taker.taken - before), 100.0 * static_cast<double>(rate),
                std::max(0.1 * static_cast<double>(rate), 1.0 * kBlockSize))
        << rate;
}

TEST(RateLimit, LetsItsRateThroughExactly) {
    for (const std::uint64_t rate : kRates) {
        World w(rate);
        expect_exact(w, rate);
    }
}

TEST(RateLimit, ACallerThatIsLateLosesNothing) {
    for (const std::uint64_t rate : kRates) {
        World w(rate);
        Rng rng(1);
        w.lateness = [&] { return Duration(rng.below(50'000'000)); };
        expect_exact(w, rate);
    }
}

TEST(RateLimit, IsSmooth) {
    for (const std::uint64_t rate : {1'000'000, 10'000'000, 100'000'000}) {
        World w(rate);
        Taker& taker = w.add();
        w.run_for(1s);
        for (int i = 0; i < 100; ++i) {
            const std::uint64_t before = taker.taken;
            w.run_for(200ms);
            EXPECT_NEAR(static_cast<double>(taker.taken - before), static_cast<double>(rate) / 5,
                        static_cast<double>(rate) / 50)
                << rate;
        }
    }
}

/// Returns what takers of these priorities get in 100 s, as parts of what the limit lets through.
std::vector<double> parts_of(World& w, std::uint64_t rate, const std::vector<TransferPriority>& priorities) {
    for (const TransferPriority priority : priorities) w.add().share.set_priority(priority);
    w.run_for(2s);
    std::vector<double> parts;
    for (const auto& taker : w.takers) parts.push_back(-static_cast<double>(taker->taken));
    w.run_for(100s);
    double all = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        parts[i] = (parts[i] + static_cast<double>(w.takers[i]->taken)) / (100.0 * static_cast<double>(rate));
        all += parts[i];
    }
    EXPECT_NEAR(all, 1, 0.02);
    return parts;
}

TEST(RateLimit, APriorityIsAPartOfIt) {
    constexpr auto low = TransferPriority::low, normal = TransferPriority::normal,
                   high = TransferPriority::high;
    for (const std::uint64_t rate : {100'000, 1'000'000, 100'000'000}) {
        World two(rate);
        const auto of_two = parts_of(two, rate, {high, normal});
        EXPECT_NEAR(of_two[0], 0.8, 0.04) << rate;
        World all(rate);
        const auto of_all = parts_of(all, rate, {low, normal, high});
        EXPECT_NEAR(of_all[2] / of_all[1], 4, 0.6) << rate;
        EXPECT_GT(of_all[1], 2 * of_all[0]) << rate;
        EXPECT_GT(of_all[0], 0.02) << rate << ": nobody starves";
        World alone(rate);
        EXPECT_NEAR(parts_of(alone, rate, {low})[0], 1, 0.02) << "nobody else wants it";
        World same(rate);
        for (const double part : parts_of(same, rate, {low, low, low})) EXPECT_NEAR(part, 1.0 / 3, 0.03);
    }
}

TEST(RateLimit, WhatIsMoreUrgentGoesBeforeAHigherPriority) {
    World w(300'000);
    w.add().share.set_priority(TransferPriority::high);
    w.run_for(2s);
    Taker& read = w.add(Urgency::blocked_read);
    read.share.set_priority(TransferPriority::low);
    const std::uint64_t before = read.taken;
    w.run_for(10s);
    EXPECT_GT(read.taken - before, 2'500'000u);
}

TEST(RateLimit, ATurnIsShortAndRare) {
    World w(100'000'000);
    w.add();
    w.run_for(10s);
    EXPECT_LE(w.calls, 2100) << "a look each 5 ms";
}

TEST(RateLimit, AfterIdlingLittlePassesAtOnce) {
    World w(10'000'000);
    Taker& taker = w.add();
    w.run_for(1s);
    taker.wanted = 0;
    w.run_for(10s);
    EXPECT_EQ(w.limit.waiting(), 0u);
    const std::uint64_t before = taker.taken;
    taker.wanted = 1 << 30;
    taker.go_on(w.now);
    EXPECT_LE(taker.taken - before, 200'000u);
    EXPECT_GE(taker.taken - before, 200'000u - kBlockSize);
}

TEST(RateLimit, ABlockPassesHoweverSmallTheRate) {
    World w(100);
    Taker& taker = w.add();
    EXPECT_EQ(taker.taken, kBlockSize);
    w.run_for(200s);
    EXPECT_EQ(taker.taken, 2 * kBlockSize);
}

TEST(RateLimit, NothingPassesARateOfZeroAndNobodySpins) {
    World w(0);
    Taker& taker = w.add();
    EXPECT_EQ(taker.share.ready_at(), kNever);
    w.run_for(1h);
    taker.go_on(w.now);
    EXPECT_EQ(taker.taken, 0u);
    EXPECT_TRUE(taker.share.is_held());
}

TEST(RateLimit, WithoutALimitEverythingPasses) {
    RateLimit::Share share(nullptr);
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(share.take(kBlockSize, Urgency::background, kStart));
    share.give_back(1);
    share.charge(1);
    EXPECT_FALSE(share.begin_turn(kStart));
    EXPECT_EQ(share.ready_at(), kNever);
}

TEST(RateLimit, SharesGetTheSame) {
    for (const std::uint64_t rate : {1'000'000, 100'000'000}) {
        World w(rate);
        for (int i = 0; i < 10; ++i) w.add();
        w.run_for(20s);
        std::uint64_t sum = 0;
        for (const auto& taker : w.takers) {
            sum += taker->taken;
            EXPECT_NEAR(static_cast<double>(taker->taken), 2.0 * static_cast<double>(rate),
                        0.05 * static_cast<double>(rate));
        }
        EXPECT_NEAR(static_cast<double>(sum), 20.0 * static_cast<double>(rate),
                    0.1 * static_cast<double>(rate));
    }
}

TEST(RateLimit, ReadsThatWaitGoBeforeBackground) {
    World w(1'000'000);
    Taker& background = w.add();
    w.add();
    w.run_for(1s);
    Taker& blocked = w.add(Urgency::blocked_read);
    const std::uint64_t before = background.taken;
    blocked.wanted = 500'000;
    w.run_for(490ms);
    EXPECT_GE(blocked.taken, 450'000u);
    EXPECT_LE(background.taken - before, 2 * kBlockSize);
    w.run_for(1s);
    EXPECT_GT(background.taken - before, 400'000u) << "what is left is background's";
}

TEST(RateLimit, AReadIsLookedAtThoughItsTorrentIsHeldBack) {
    World w(1'000'000);
    Taker& other = w.add(Urgency::readahead);
    Taker& taker = w.add();
    w.run_for(100ms);
    ASSERT_TRUE(taker.share.is_held());
    EXPECT_FALSE(taker.share.take(1000, Urgency::background, w.now));
    other.wanted = taker.wanted = 0;
    w.now += 10ms;
    EXPECT_TRUE(taker.share.take(1000, Urgency::blocked_read, w.now));
}

TEST(RateLimit, AShareThatDoesNotComeHoldsNobodyUp) {
    World w(1'000'000);
    Taker& absent = w.add(Urgency::blocked_read);
    Taker& taker = w.add();
    ASSERT_TRUE(absent.share.is_held());
    w.absent = &absent;
    // Its time is ignored, too, as if its torrent hung.
    for (int i = 0; i < 1000; ++i) {
        w.now += 10ms;
        taker.go_on(w.now);
    }
    EXPECT_GT(taker.taken, 9'000'000u);
}

TEST(RateLimit, AShareThatEndsLeavesTheQueue) {
    World w(1'000'000);
    w.add();
    w.add();
    EXPECT_EQ(w.limit.waiting(), 2u);
    w.takers.erase(w.takers.begin());
    EXPECT_EQ(w.limit.waiting(), 1u);
    w.run_for(1s);
    EXPECT_GT(w.takers.front()->taken, 900'000u);
}

TEST(RateLimit, WhatIsGivenBackPassesAgain) {
    World w(1'000'000);
    Taker& taker = w.add();
    w.run_for(1s);
    EXPECT_FALSE(taker.share.begin_turn(w.now));
    const std::uint64_t before = taker.taken;
    taker.share.give_back(6 * kBlockSize);
    taker.go_on(w.now);
    EXPECT_GE(taker.taken - before, kBlockSize) << "some of it at once";
    w.run_for(5s);
    EXPECT_NEAR(static_cast<double>(taker.taken - before), 5e6 + 6 * kBlockSize, kBlockSize);
}

TEST(RateLimit, WhatIsGivenBackIsNoBurstAndIsBounded) {
    World w(1'000'000);
    Taker& taker = w.add();
    w.run_for(1s);
    taker.share.give_back(100'000'000);
    const std::uint64_t before = taker.taken;
    taker.go_on(w.now);
    w.run_for(200ms);
    EXPECT_LE(taker.taken - before, 230'000u + kBlockSize);
    w.run_for(100s);
    EXPECT_LE(taker.taken - before, 101'300'000u);
}

TEST(RateLimit, ADebtIsRepaidAndIsBounded) {
    World w(1'000'000);
    Taker& taker = w.add();
    w.run_for(1s);
    taker.share.charge(500'000);
    std::uint64_t before = taker.taken;
    w.run_for(490ms);
    EXPECT_EQ(taker.taken, before);
    w.run_for(510ms);
    EXPECT_NEAR(static_cast<double>(taker.taken - before), 500'000, 2 * kBlockSize);
    taker.share.charge(1'000'000'000);
    before = taker.taken;
    w.run_for(2s);
    EXPECT_NEAR(static_cast<double>(taker.taken - before), 1'000'000, 2 * kBlockSize);
}

TEST(RateLimit, ANewRateHoldsFromNowOn) {
    World w(1e6);
    Taker& taker = w.add();
    w.run_for(10s);
    taker.taken = 0;
    w.limit.set_rate(100e3, w.now);
    w.run_for(10s);
    EXPECT_NEAR(static_cast<double>(taker.taken), 1e6, 100e3 * 0.25);
    taker.taken = 0;
    w.limit.set_rate(1e6, w.now);
    w.run_for(10s);
    EXPECT_NEAR(static_cast<double>(taker.taken), 10e6, 250e3);
}

TEST(RateLimit, WithoutALimitNothingWaits) {
    World w(10e3);
    Taker& first = w.add();
    Taker& second = w.add();
    w.run_for(10s);
    for (Taker* taker : {&first, &second}) taker->wanted = 100 * kBlockSize;
    w.limit.set_rate(RateLimit::kUnlimited, w.now);
    EXPECT_FALSE(first.share.is_limited());
    w.run_for(1ms);
    for (const Taker* taker : {&first, &second}) {
        EXPECT_EQ(taker->wanted, 0);
        EXPECT_FALSE(taker->share.is_held());
    }
    EXPECT_EQ(w.limit.waiting(), 0u);
}

}  // namespace
}  // namespace btfs
