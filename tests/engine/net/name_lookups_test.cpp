#include "engine/net/name_lookups.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace btfs::net {
namespace {

using Waiters = std::vector<NameLookups::WaiterId>;

const NameLookups::Answer kAnswer = std::vector<Address>{*Address::parse("192.0.2.1")};

struct NameLookupsTest : ::testing::Test {
    NameLookups lookups;
    TimePoint now = TimePoint{} + 1h;
    NameLookups::WaiterId next = 0;

    static NameQuestion question(const std::string& name) { return {name, Families::v4}; }
    NameLookups::WaiterId wait(const std::string& name, LookUp look_up = LookUp::ordinary) {
        EXPECT_FALSE(lookups.ask(++next, question(name), look_up, now)) << name;
        return next;
    }
    /// Returns the names to ask for now.
    std::vector<std::string> sent() {
        std::vector<std::string> names;
        while (auto question = lookups.poll_question()) names.push_back(question->name);
        return names;
    }
    Waiters answer(const std::string& name, const NameLookups::Answer& answer = kAnswer,
                   Duration life = 1min) {
        return lookups.handle_answer(question(name), answer, life, now);
    }
    void fill_ordinary_places() {
        for (std::size_t i = 0; i < NameLookups::kMaxInFlight - NameLookups::kKeptForUrgent; ++i)
            wait("f" + std::to_string(i));
        sent();
    }
};

TEST_F(NameLookupsTest, EqualQuestionsAreOne) {
    const auto a = wait("h.example"), b = wait("H.Example");
    EXPECT_EQ(sent(), std::vector<std::string>{"h.example"});
    const auto c = wait("h.example");
    EXPECT_TRUE(sent().empty());
    EXPECT_EQ(answer("h.example"), (Waiters{a, b, c}));
    EXPECT_FALSE(lookups.ask(++next, {"h.example", Families::v6}, LookUp::ordinary, now))
        << "another question";
    EXPECT_EQ(sent().size(), 1u);
}

TEST_F(NameLookupsTest, AnswersAreKeptAsLongAsTheySayWithinBounds) {
    const auto kept = [&](const NameLookups::Answer& said, Duration life, Duration later) {
        NameLookups fresh;
        fresh.ask(1, question("h"), LookUp::ordinary, now);
        fresh.poll_question();
        fresh.handle_answer(question("h"), said, life, now);
        const auto again = fresh.ask(2, question("h"), LookUp::ordinary, now + later);
        return again == said;
    };
    EXPECT_TRUE(kept(kAnswer, 60s, 59s));
    EXPECT_FALSE(kept(kAnswer, 60s, 60s));
    EXPECT_TRUE(kept(kAnswer, 0s, NameLookups::kShortestLife - 1s));
    EXPECT_FALSE(kept(kAnswer, 24h, NameLookups::kLongestLife));
    EXPECT_TRUE(kept(make_error_code(Errc::name_not_found), 0s, NameLookups::kFailureLife - 1s));
    EXPECT_FALSE(kept(make_error_code(Errc::name_not_found), 24h, NameLookups::kFailureLife));
    EXPECT_FALSE(kept(make_error_code(Errc::timed_out), 24h, 0s)) << "a lost answer is no answer";
    EXPECT_FALSE(kept(make_error_code(Errc::cancelled), 24h, 0s));
}

TEST_F(NameLookupsTest, MoreThanThePlacesWaitTheirTurnAndNoneFails) {
    for (int i = 0; i < 1000; ++i) wait("h" + std::to_string(i));
    auto names = sent();
    EXPECT_EQ(names.size(), NameLookups::kMaxInFlight - NameLookups::kKeptForUrgent);
    std::size_t answered = 0;
    while (!names.empty()) {
        EXPECT_EQ(answer(names.back()).size(), 1u);
        names.pop_back();
        ++answered;
        for (auto& more : sent()) names.insert(names.begin(), more);
    }
    EXPECT_EQ(answered, 1000u);
    EXPECT_EQ(lookups.in_flight(), 0u);
}

TEST_F(NameLookupsTest, UrgentQuestionsGoFirstAndHavePlacesOfTheirOwn) {
    fill_ordinary_places();
    for (int i = 0; i < 500; ++i) wait("queued" + std::to_string(i));
    EXPECT_TRUE(sent().empty());
    wait("film", LookUp::urgent);
    EXPECT_EQ(sent(), std::vector<std::string>{"film"});
    lookups.hurry(question("queued499"));
    wait("queued498", LookUp::urgent);
    EXPECT_EQ(sent(), (std::vector<std::string>{"queued498", "queued499"})) << "by their age";
    lookups.hurry(question("f0"));
    lookups.hurry(question("unknown"));
    EXPECT_TRUE(sent().empty()) << "under way, or not asked for";
}

TEST_F(NameLookupsTest, UrgentQuestionsAreBoundedToo) {
    for (std::size_t i = 0; i < 2 * NameLookups::kMaxInFlight; ++i)
        wait("h" + std::to_string(i), LookUp::urgent);
    EXPECT_EQ(sent().size(), NameLookups::kMaxInFlight);
}

TEST_F(NameLookupsTest, AQuestionThatNobodyWaitsForIsNotSent) {
    const auto a = wait("a"), also = wait("a"), b = wait("b");
    lookups.leave(a);
    lookups.leave(b);
    lookups.leave(b);
    EXPECT_EQ(sent(), std::vector<std::string>{"a"});
    EXPECT_EQ(answer("a"), Waiters{also});
}

TEST_F(NameLookupsTest, AQuestionThatWasLeftIsAskedAnewAndItsLateAnswerServesBoth) {
    const auto gone = wait("h");
    sent();
    lookups.leave(gone);
    const auto waiting = wait("h");
    EXPECT_EQ(sent().size(), 1u);
    EXPECT_EQ(lookups.in_flight(), 2u);
    EXPECT_EQ(answer("h"), Waiters{waiting}) << "of whichever question";
    EXPECT_TRUE(answer("h").empty());
    EXPECT_EQ(lookups.in_flight(), 0u);
}

TEST_F(NameLookupsTest, BeyondALargeBoundTheResolverIsBusy) {
    for (std::size_t i = 0; i < NameLookups::kMaxQueued; ++i) wait("h" + std::to_string(i));
    const auto refused = lookups.ask(++next, question("one more"), LookUp::ordinary, now);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->error(), Errc::resolver_busy);
    wait("h7");  // a name that is in the queue
    sent();
    wait("one more");
}

TEST_F(NameLookupsTest, TheCacheIsBounded) {
    for (std::size_t i = 0; i < NameLookups::kMaxCached + 10; ++i) {
        const std::string name = "h" + std::to_string(i);
        wait(name);
        lookups.poll_question();
        answer(name, kAnswer, 10s + std::chrono::milliseconds(i));
        ASSERT_LE(lookups.cached(), NameLookups::kMaxCached);
    }
    EXPECT_TRUE(lookups.ask(++next, question("h10"), LookUp::ordinary, now)) << "the first to end have gone";
    wait("h9");
    now += 1h;
    wait("h10");
    EXPECT_EQ(lookups.cached(), 0u);
}

}  // namespace
}  // namespace btfs::net
