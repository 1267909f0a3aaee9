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

TEST(Labels, GivenLabelsAreTrimmedAndRefusedIfTheyCannotBeNamesOfFolders) {
    EXPECT_EQ(checked_label_text({" films ", "new", "films"}), "films,new");
    EXPECT_EQ(checked_label_text({}), "");
    const std::vector<std::string> refused{" ", "a,b", "a\nb", std::string(256, 'x')};
    for (const std::string& label : refused) EXPECT_FALSE(checked_label_text({"films", label})) << label;
    EXPECT_FALSE(checked_label_text(std::vector<std::string>(33, "films"))) << "more than 32";
}

}  // namespace
}  // namespace btfs::cli
