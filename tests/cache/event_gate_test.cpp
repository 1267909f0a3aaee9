#include "cache/event_gate.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/cache/support/store_world.hpp"

namespace btfs {
namespace {

TEST(EventGate, SendsToWhoIsAttachedAndToNobodyElse) {
    EventGate gate;
    test::RecordingEngine engine;
    const auto credit = [](StorageEvents& events) { events.on_credit(); };
    gate.send(credit);
    gate.attach(engine);
    gate.send(credit);
    gate.detach();
    gate.send(credit);
    EXPECT_EQ(engine.credits, 1);
}

TEST(EventGate, DetachWaitsForTheEventUnderWay) {
    EventGate gate;
    test::RecordingEngine engine;
    gate.attach(engine);
    std::promise<void> entered, leave;
    std::atomic<bool> left = false;
    std::thread sender([&] {
        gate.send([&](StorageEvents&) {
            entered.set_value();
            leave.get_future().wait();
            left = true;
        });
    });
    entered.get_future().wait();
    std::thread opener([&] { leave.set_value(); });
    gate.detach();
    EXPECT_TRUE(left);
    sender.join();
    opener.join();
}

}  // namespace
}  // namespace btfs
