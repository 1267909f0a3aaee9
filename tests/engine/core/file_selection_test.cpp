#include "engine/core/file_selection.hpp"

#include <gtest/gtest.h>

#include <string>

namespace btfs {
namespace {

constexpr std::uint32_t kPiece = 16 * 1024;

/// Returns "1" or "0" for each piece of 16 KiB: whether the selection needs it.
std::string picture(std::vector<FileRange> files) {
    // a: pieces 0-1, b: nothing, pad, c: pieces 2-3, d: pieces 3-4.
    const Layout layout(kPiece, {{0, kPiece + 5, false},
                                 {kPiece + 5, 0, false},
                                 {kPiece + 5, kPiece - 5, true},
                                 {2 * kPiece, kPiece + 100, false},
                                 {3 * kPiece + 100, 2 * kPiece - 100, false}});
    const Bitfield pieces = pieces_of(layout, files);
    std::string text;
    for (std::uint32_t i = 0; i < layout.piece_count(); ++i) text += pieces.test(PieceIndex(i)) ? '1' : '0';
    return text;
}

TEST(FileSelection, TakesThePiecesThatHoldAByteOfAFile) {
    EXPECT_EQ(picture({{0, 0}}), "11000");
    EXPECT_EQ(picture({{3, 3}}), "00110");
    EXPECT_EQ(picture({{4, 4}}), "00011");
    EXPECT_EQ(picture({{0, 0}, {4, 4}}), "11011");
    EXPECT_EQ(picture({{0, 3}}), "11110");
}

TEST(FileSelection, WithoutARangeItIsAllAndWhatIsNotThereIsNothing) {
    EXPECT_EQ(picture({}), "11111");
    EXPECT_EQ(picture({{1, 2}}), "00000") << "an empty file, and padding";
    EXPECT_EQ(picture({{5, 0xffffffff}}), "00000");
    EXPECT_EQ(picture({{4, 0xffffffff}}), "00011");
}

}  // namespace
}  // namespace btfs
