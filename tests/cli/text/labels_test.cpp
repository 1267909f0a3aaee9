#include "cli/text/labels.hpp"

#include <gmock/gmock.h>

namespace btfs::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Labels, CommasPartThem) {
    EXPECT_THAT(labels_of("films"), ElementsAre("films"));
    EXPECT_THAT(labels_of(" films , new,,films"), ElementsAre("films", "new"));
    EXPECT_THAT(labels_of(""), IsEmpty());
    EXPECT_THAT(labels_of(" , "), IsEmpty());
    EXPECT_EQ(label_text({"films", "new"}), "films,new");
    EXPECT_EQ(label_text({}), "");
}

}  // namespace
}  // namespace btfs::cli
