#include "fs/kernel_dropper.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>
#include <utility>
#include <vector>

namespace btfs {
namespace {

using testing::ElementsAre;
using Dropped = std::pair<NodeId, ByteRange>;

const auto kPage = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));

// Runs a KernelDropper on a thread of its own. Each drop blocks until the test lets it return.
struct World {
    World()
        : thread([this] {
              dropper.run({.drop_pages = [this](NodeId node, ByteRange range) { drop(node, range); },
                           .drop_name = [this](const std::string& name) { drop_name(name); }});
          }) {}
    ~World() {
        let_go(1'000'000);
        dropper.end();
        thread.join();
    }
    void drop(NodeId node, ByteRange range) {
        std::unique_lock lock(mutex);
        dropped.emplace_back(node, range);
        changed.notify_all();
        changed.wait(lock, [this] { return allowed > 0; });
        --allowed;
    }
    void drop_name(const std::string& name) {
        std::lock_guard lock(mutex);
        names.push_back(name);
        changed.notify_all();
    }
    void let_go(int count) {
        std::lock_guard lock(mutex);
        allowed += count;
        changed.notify_all();
    }
    void wait_for_drops(std::size_t count) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return dropped.size() >= count; });
    }

    std::mutex mutex;
    std::condition_variable changed;
    int allowed = 0;
    std::vector<Dropped> dropped;
    std::vector<std::string> names;
    KernelDropper dropper;
    std::thread thread;
};

TEST(KernelDropper, NamesGoBeforePagesThatWait) {
    World world;
    world.dropper.drop(1, {0, kPage});
    world.wait_for_drops(1);  // the kernel blocks there
    world.dropper.drop(2, {0, kPage});
    world.dropper.drop("film");
    world.dropper.drop("music");
    world.let_go(1);
    world.wait_for_drops(2);
    std::lock_guard lock(world.mutex);
    EXPECT_THAT(world.names, ElementsAre("film", "music"));
}

TEST(KernelDropper, DropsThePagesThatLieWhollyInTheRange) {
    World world;
    world.let_go(10);
    world.dropper.drop(7, {1, 3 * kPage - 1});
    world.dropper.drop(8, {kPage, 3 * kPage});
    world.dropper.drop(9, {1, kPage - 1});  // no whole page
    world.dropper.drop(10, {kPage - 1, 2 * kPage - 1});
    world.dropper.drop(11, {0, kPage});
    world.wait_for_drops(3);
    EXPECT_THAT(world.dropped, ElementsAre(Dropped{7, {kPage, 2 * kPage}}, Dropped{8, {kPage, 3 * kPage}},
                                           Dropped{11, {0, kPage}}));
}

TEST(KernelDropper, TakesNoMoreThanItsLimitWhileTheKernelBlocks) {
    World world;
    world.dropper.drop(0, {0, kPage});
    world.wait_for_drops(1);  // the dropper blocks in this drop
    for (NodeId node = 1; node <= KernelDropper::kMaxWaiting + 10; ++node)
        world.dropper.drop(node, {0, kPage});
    world.let_go(1'000);
    world.wait_for_drops(1 + KernelDropper::kMaxWaiting);
    world.dropper.end();
    EXPECT_TRUE(world.dropper.wait_ended(std::nullopt));
    EXPECT_EQ(world.dropped.size(), 1 + KernelDropper::kMaxWaiting);
    EXPECT_EQ(world.dropped.back().first, KernelDropper::kMaxWaiting) << "the first that came";
}

TEST(KernelDropper, EndsWhenTheKernelLetsItGoAndDropsNoMore) {
    World world;
    world.dropper.drop(1, {0, kPage});
    world.dropper.drop(2, {0, kPage});
    world.wait_for_drops(1);
    world.dropper.end();
    EXPECT_FALSE(world.dropper.wait_ended(Duration{}));
    world.let_go(1);
    EXPECT_TRUE(world.dropper.wait_ended(std::nullopt));
    EXPECT_THAT(world.dropped, ElementsAre(Dropped{1, {0, kPage}}));
}

TEST(KernelDropper, EndsAtOnceIfItWasNeverStarted) {
    KernelDropper dropper;
    dropper.end();
    EXPECT_TRUE(dropper.wait_ended(std::nullopt));
}

}  // namespace
}  // namespace btfs
