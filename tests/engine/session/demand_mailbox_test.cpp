#include "engine/session/demand_mailbox.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

TEST(DemandMailbox, HoldsTheNewestDemandOfEachReaderAndTellsOnce) {
    DemandMailbox mailbox;
    ReaderDemand demand;
    EXPECT_TRUE(mailbox.put(1, 7, demand));
    EXPECT_FALSE(mailbox.put(1, 8, demand));
    EXPECT_FALSE(mailbox.put(1, 7, std::nullopt));
    const auto taken = mailbox.take();
    ASSERT_EQ(taken.size(), 2u);
    EXPECT_FALSE(taken.at({1, 7}).has_value());
    EXPECT_TRUE(taken.at({1, 8}).has_value());
    EXPECT_TRUE(mailbox.take().empty());
    EXPECT_TRUE(mailbox.put(2, 7, demand)) << "what was taken counts no more";
}

}  // namespace
}  // namespace btfs
