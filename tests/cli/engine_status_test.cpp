#include "cli/engine_status.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace btfs::cli {
namespace {

TorrentSpec some_torrent() {
    return {"film", {.v1 = sha1(as_bytes("film")), .v2 = std::nullopt}, std::nullopt, {}, {}};
}

TEST(EngineStatus, TheFirstReaderSeesWhatIsTrueNow) {
    Engine engine({});
    engine.add(some_torrent());
    engine.start();
    EngineStatus status(engine);
    const auto first = status.get();
    ASSERT_EQ(first->size(), 1u);
    EXPECT_FALSE(first->at(0).content);
    engine.add(some_torrent());
    EXPECT_EQ(status.get(), first) << "asked again only when it is no longer fresh";
}

TEST(EngineStatus, ABusyEngineHoldsNobodyUp) {
    Engine engine({});  // its thread does not run
    EngineStatus status(engine);
    const TimePoint began = Clock::now();
    EXPECT_TRUE(status.get()->empty());
    EXPECT_LT(Clock::now() - began, EngineStatus::kPatience + 1s);
    engine.start();
    engine.add(some_torrent());
    // What was asked for before is answered first, and is fresh for a while.
    while (status.get()->empty() && Clock::now() < began + 10s) std::this_thread::yield();
    EXPECT_EQ(status.get()->size(), 1u);
}

}  // namespace
}  // namespace btfs::cli
