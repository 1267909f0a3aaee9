#include "fs/container_index.hpp"

#include <gtest/gtest.h>

#include <string>

namespace btfs {
namespace {

using namespace std::string_literals;

constexpr std::uint64_t kSize = std::uint64_t{8} << 30;

std::string big(std::uint64_t value, int count) {
    std::string bytes;
    for (int i = count - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i));
    return bytes;
}

std::string little(std::uint64_t value, int count) {
    std::string bytes;
    for (int i = 0; i < count; ++i, value >>= 8) bytes += static_cast<char>(value);
    return bytes;
}

std::optional<ByteRange> index(const std::string& head, std::uint64_t size = kSize) {
    return container_index(as_bytes(head), size);
}

std::string box(const std::string& type, std::uint64_t length, const std::string& content = {}) {
    return big(length, 4) + type + content;
}

const std::string kFtyp = box("ftyp", 16, "isomiso2");

TEST(ContainerIndex, MoovBehindMdat) {
    EXPECT_EQ(index(kFtyp + box("free", 8) + box("mdat", 1, big(kSize - 1'000'024, 8))),
              (ByteRange{kSize - 1'000'000, kSize}));
    EXPECT_EQ(index(kFtyp + box("mdat", 1000), 1500), (ByteRange{1016, 1500}));
}

TEST(ContainerIndex, ALongMoovInPart) {
    EXPECT_EQ(index(kFtyp + box("mdat", 1000)), (ByteRange{1016, 1016 + kMaxIndexLength}));
}

TEST(ContainerIndex, MoovAtTheBeginningIsReadAnyway) {
    EXPECT_EQ(index(kFtyp + box("moov", 5'000'000)), std::nullopt);
    EXPECT_EQ(index(kFtyp + box("moov", 100, std::string(92, 'x')) + box("mdat", 1000)), std::nullopt);
}

TEST(ContainerIndex, SizesOfBoxesAreNotTrusted) {
    EXPECT_EQ(index(kFtyp + box("mdat", 0)), std::nullopt);  // to the end of the file
    EXPECT_EQ(index(kFtyp + box("mdat", 7)), std::nullopt);
    EXPECT_EQ(index(kFtyp + box("free", 1, big(0, 8))), std::nullopt);
    EXPECT_EQ(index(kFtyp + box("mdat", 1, big(~std::uint64_t{0}, 8))), std::nullopt);
    EXPECT_EQ(index(kFtyp + box("mdat", 1000), 500), std::nullopt);
    EXPECT_EQ(index(kFtyp + box("mdat", 20, std::string(12, 'x')) + box("mdat", 1000) + "more"),
              (ByteRange{1036, 1036 + kMaxIndexLength}));
}

/// An element with a size of eight bytes.
std::string element(const std::string& id, const std::string& content) {
    return id + '\x01' + big(content.size(), 7) + content;
}

const std::string kEbml = element("\x1A\x45\xDF\xA3", "\x42\x82\x84webm");

std::string seek(const std::string& id, std::uint64_t position) {
    return element("\x4D\xBB", element("\x53\xAB", id) + element("\x53\xAC", big(position, 8)));
}

std::string matroska(const std::string& seeks) {
    // Segments that are being written have no size.
    return kEbml + "\x18\x53\x80\x67\x01" + std::string(7, '\xFF') + element("\xEC", "padding") +
           element("\x11\x4D\x9B\x74", seeks) + element("\x15\x49\xA9\x66", "info");
}

TEST(ContainerIndex, CuesOfMatroska) {
    const std::string head =
        matroska(seek("\x15\x49\xA9\x66", 100) + seek("\x1C\x53\xBB\x6B", 7'000'000'000));
    const std::uint64_t segment = kEbml.size() + 12;
    EXPECT_EQ(index(head),
              (ByteRange{segment + 7'000'000'000, segment + 7'000'000'000 + kUnsizedIndexLength}));
    EXPECT_EQ(index(head, segment + 7'000'000'100),
              (ByteRange{segment + 7'000'000'000, segment + 7'000'000'100}));
}

TEST(ContainerIndex, NoCuesOrTheyAreInTheHeadOrNowhere) {
    EXPECT_EQ(index(matroska(seek("\x15\x49\xA9\x66", 100))), std::nullopt);
    EXPECT_EQ(index(matroska(seek("\x1C\x53\xBB\x6B", 10))), std::nullopt);
    EXPECT_EQ(index(matroska(seek("\x1C\x53\xBB\x6B", ~std::uint64_t{0}))), std::nullopt);
    EXPECT_EQ(index(matroska(seek("\x1C\x53\xBB\x6B", kSize))), std::nullopt);
}

std::string avi(std::uint32_t movi) {
    return "RIFF" + little(0xFFFFFFFF, 4) + "AVI " + "LIST" + little(5, 4) + "hdrl.\0"s + "LIST" +
           little(movi, 4) + "movi";
}

TEST(ContainerIndex, Idx1OfAvi) {
    EXPECT_EQ(index(avi(1'000'001), 1'500'000), (ByteRange{12 + 14 + 8 + 1'000'002, 1'500'000}));
    EXPECT_EQ(index(avi(1'000'000), 900'000), std::nullopt);
    EXPECT_EQ(index(avi(0)), std::nullopt);
}

TEST(ContainerIndex, HeaderOf7z) {
    const auto head = [](std::uint64_t offset, std::uint64_t length) {
        return "7z\xBC\xAF\x27\x1C"s + std::string("\0\4", 2) + little(0, 4) + little(offset, 8) +
               little(length, 8);
    };
    EXPECT_EQ(index(head(1000, 50)), (ByteRange{1032, 1082}));
    EXPECT_EQ(index(head(~std::uint64_t{0}, 50)), std::nullopt);
    EXPECT_EQ(index(head(1000, ~std::uint64_t{0})), (ByteRange{1032, 1032 + kMaxIndexLength}));
}

std::string zip_end(std::uint64_t directory, const std::string& comment = {}) {
    return "PK\5\6" + little(0, 8) + little(directory, 4) + little(0, 4) + little(comment.size(), 2) +
           comment;
}

std::optional<ByteRange> directory(const std::string& tail, std::uint64_t size = kSize) {
    return zip_directory(as_bytes(tail), size);
}

TEST(ZipDirectory, StandsBeforeTheRecordsThatEndTheArchive) {
    EXPECT_EQ(directory(zip_end(1'000'000)), (ByteRange{kSize - 22 - 1'000'000, kSize - 22}));
    EXPECT_EQ(directory("entries" + zip_end(1'000'000, "a comment")),
              (ByteRange{kSize - 31 - 1'000'000, kSize - 31}));
    const std::string zip64 = "PK\6\6" + little(44, 8) + little(0, 28) + little(5'000'000, 8) + little(0, 8) +
                              "PK\6\7" + little(0, 16) + zip_end(0xFFFFFFFF);
    EXPECT_EQ(directory(zip64), (ByteRange{kSize - 98 - 5'000'000, kSize - 98}));
}

TEST(ZipDirectory, OfALongOneTheBeginning) {
    EXPECT_EQ(directory(zip_end(100'000'000)),
              (ByteRange{kSize - 22 - 100'000'000, kSize - 22 - 100'000'000 + kMaxIndexLength}));
}

TEST(ZipDirectory, NoneIfItIsThereAlreadyOrTheEndLies) {
    EXPECT_EQ(directory(std::string(100, 'x') + zip_end(100)), std::nullopt);
    EXPECT_EQ(directory(zip_end(1'000'000), 900'000), std::nullopt);
    EXPECT_EQ(directory(zip_end(1'000'000) + "more"), std::nullopt);
    EXPECT_EQ(directory(zip_end(1'000'000), 10), std::nullopt);
    const std::string whole = zip_end(1'000'000, "comment");
    for (std::size_t length = 0; length < whole.size(); ++length) directory(whole.substr(0, length));
}

TEST(ContainerIndex, HeadsThatAreCutOrUnknown) {
    for (const std::string& whole :
         {kFtyp + box("mdat", 1, big(5000, 8)), matroska(seek("\x1C\x53\xBB\x6B", 7'000'000'000)),
          avi(100'000), "7z\xBC\xAF\x27\x1C"s + std::string(26, '\0'), "PK\3\4"s, std::string(1000, '\0')})
        for (std::size_t length = 0; length < whole.size(); ++length) index(whole.substr(0, length));
    EXPECT_EQ(index(""), std::nullopt);
    EXPECT_EQ(index("plain text, which is long enough for anything"), std::nullopt);
}

}  // namespace
}  // namespace btfs
