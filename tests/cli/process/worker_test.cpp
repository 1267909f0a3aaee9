#include "cli/process/worker.hpp"

#include <gmock/gmock.h>

#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace btfs::cli {
namespace {

TEST(Worker, DoesJobsInTheOrderOfTheirTimes) {
    Worker worker;
    std::vector<int> done;
    std::promise<void> last;
    const TimePoint now = Clock::now();
    worker.post([&] { done.push_back(3); }, now + 20ms);
    worker.post([&] { done.push_back(1); }, now - 1s);
    worker.post([&] { throw std::runtime_error("a job that fails, as it should"); }, now - 500ms);
    worker.post([&] { done.push_back(2); }, now);
    worker.post([&] { last.set_value(); }, now + 40ms);
    worker.start();
    ASSERT_EQ(last.get_future().wait_for(10s), std::future_status::ready);
    worker.end();
    EXPECT_THAT(done, testing::ElementsAre(1, 2, 3));
    EXPECT_GE(Clock::now(), now + 40ms);
}

TEST(Worker, DoesWhatAJobPostsAndWhatIsDueSoonerThanWhatItWaitsFor) {
    Worker worker;
    std::promise<void> waiting, last;
    worker.start();
    worker.post([] { ADD_FAILURE() << "not due yet"; }, Clock::now() + 1h);
    worker.post([&] {
        waiting.set_value();
        worker.post([&] { last.set_value(); });
    });
    ASSERT_EQ(waiting.get_future().wait_for(10s), std::future_status::ready);
    ASSERT_EQ(last.get_future().wait_for(10s), std::future_status::ready);
}

TEST(Worker, EndsWhenTheJobUnderWayIsDone) {
    Worker worker;
    std::promise<void> begun, go_on;
    bool done = false;
    worker.post([&] {
        begun.set_value();
        go_on.get_future().wait();
        done = true;
    });
    worker.start();
    begun.get_future().wait();
    std::thread ending([&] { worker.end(); });
    go_on.set_value();
    ending.join();
    EXPECT_TRUE(done);
}

TEST(Worker, EndsThoughJobsAreLeft) {
    Worker worker;
    worker.start();
    worker.post([] { ADD_FAILURE() << "not due yet"; }, Clock::now() + 1h);
    worker.end();
    worker.post([] { ADD_FAILURE() << "nobody is there"; });
}

TEST(Worker, ACallGivesWhatTheJobReturnsOrThrows) {
    Worker worker;
    worker.start();
    EXPECT_EQ(worker.call([] { return 7; }), 7);
    EXPECT_THROW(worker.call([]() -> int { throw std::runtime_error("no"); }), Failure);
    worker.end();
    EXPECT_THROW(worker.call([] { return 7; }), WorkerEnded);
}

TEST(Worker, ACallThrowsTheErrorOfTheJobsFailure) {
    Worker worker;
    worker.start();
    const Error full = make_error_code(Errc::storage_full);
    try {
        worker.call([&]() -> int { throw Failure("film", full); });
        FAIL() << "nothing was thrown";
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.what(), "film: " + full.message());
        EXPECT_EQ(failure.error(), full);
    }
}

TEST(Worker, ACallThatWaitsForItsTurnEndsWithTheWorker) {
    Worker worker;  // whose thread does not run
    std::thread caller([&] { EXPECT_THROW(worker.call([] { return 7; }), WorkerEnded); });
    worker.end();
    caller.join();
}

}  // namespace
}  // namespace btfs::cli
