#include "cli/service/engine_status.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace btfs::cli {
namespace {

TorrentSpec some_torrent() {
    return {"film", {.v1 = sha1(as_bytes("film")), .v2 = std::nullopt}, std::nullopt, {}, {}};
}

TEST(EngineStatus, EveryReaderSeesWhatIsTrueWhenItAsks) {
    Engine engine({});
    const TorrentHandle torrent = engine.add(some_torrent());
    engine.start();
    EngineStatus status(engine, 30s);
    const auto first = status.get();
    ASSERT_NE(first->find(torrent), nullptr);
    EXPECT_FALSE(first->find(torrent)->content);
    for (std::size_t count = 2; count < 20; ++count) {
        engine.add(some_torrent());
        EXPECT_EQ(status.get()->size(), count);
    }
}

TEST(EngineStatus, ManyReadersShareAnAnswerAndNoneGetsOneFromBeforeItAsked) {
    Engine engine({});
    engine.start();
    EngineStatus status(engine, 30s);
    std::atomic<std::size_t> added = 0;
    std::atomic<int> stale = 0;
    std::vector<std::thread> readers;
    for (int i = 0; i < 8; ++i) {
        readers.emplace_back([&] {
            while (added < 100) {
                const std::size_t before = added;
                if (status.get()->size() < before) ++stale;
            }
        });
    }
    while (added < 100) {
        engine.add(some_torrent());
        ++added;
    }
    for (std::thread& reader : readers) reader.join();
    EXPECT_EQ(stale, 0);
}

TEST(EngineStatus, ABusyEngineHoldsNobodyUp) {
    Engine engine({});  // its thread does not run
    EngineStatus status(engine);
    const TimePoint began = Clock::now();
    EXPECT_EQ(status.get()->size(), 0u);
    EXPECT_LT(Clock::now() - began, EngineStatus::kPatience + 1s);
    engine.start();
    engine.add(some_torrent());
    while (status.get()->size() == 0 && Clock::now() < began + 10s) std::this_thread::yield();
    EXPECT_EQ(status.get()->size(), 1u);
}

}  // namespace
}  // namespace btfs::cli
