#include "fs/container_index.hpp"

#include <algorithm>
#include <string_view>

namespace btfs {
namespace {

/// Reads numbers at offsets; what lies behind the end is nothing.
class Head {
  public:
    explicit Head(ByteView bytes) : bytes_(bytes) {}

    std::uint64_t size() const { return bytes_.size(); }
    std::optional<std::uint64_t> big_endian(std::uint64_t at, std::uint64_t count) const {
        if (at > size() || count > size() - at) return std::nullopt;
        std::uint64_t value = 0;
        for (const std::byte byte : bytes_.subspan(at, count))
            value = value << 8 | std::to_integer<std::uint64_t>(byte);
        return value;
    }
    std::optional<std::uint64_t> little_endian(std::uint64_t at, std::uint64_t count) const {
        if (at > size() || count > size() - at) return std::nullopt;
        std::uint64_t value = 0;
        for (std::uint64_t i = count; i > 0; --i)
            value = value << 8 | std::to_integer<std::uint64_t>(bytes_[at + i - 1]);
        return value;
    }
    bool has(std::uint64_t at, std::string_view text) const {
        return at <= size() && as_text(bytes_.subspan(at)).starts_with(text);
    }

  private:
    ByteView bytes_;
};

/// Cuts an index to the file and to its greatest length; nothing if nothing is left.
std::optional<ByteRange> placed(std::uint64_t begin, std::uint64_t length, std::uint64_t size) {
    if (begin >= size) return std::nullopt;
    return ByteRange{begin, begin + std::min({length, size - begin, kMaxIndexLength})};
}

// ---- MP4 and MOV: boxes, one after the other ----

std::optional<std::uint64_t> end_of_box(const Head& head, std::uint64_t at, std::uint64_t size) {
    auto length = head.big_endian(at, 4);
    std::uint64_t header = 8;
    if (length == 1) {
        length = head.big_endian(at + 8, 8);
        header = 16;
    }
    if (!length) return std::nullopt;
    if (*length == 0) return size;  // up to the end of the file
    if (*length < header || *length > size - at) return std::nullopt;
    return at + *length;
}

std::optional<ByteRange> mp4_index(const Head& head, std::uint64_t size) {
    for (std::uint64_t at = 0; at < head.size();) {
        if (head.has(at + 4, "moov")) return std::nullopt;  // it is being read
        const auto end = end_of_box(head, at, size);
        if (!end) return std::nullopt;
        // Content that ends within the head has more of its kind behind it.
        if (head.has(at + 4, "mdat") && *end >= head.size()) return placed(*end, size - *end, size);
        at = *end;
    }
    return std::nullopt;
}

// ---- Matroska and WebM: elements with identifiers and sizes of variable length ----

constexpr std::uint64_t kEbml = 0x1A45DFA3, kSegment = 0x18538067, kSeekHead = 0x114D9B74, kSeek = 0x4DBB;
constexpr std::uint64_t kSeekId = 0x53AB, kSeekPosition = 0x53AC, kCues = 0x1C53BB6B, kCluster = 0x1F43B675;

struct Element {
    std::uint64_t id = 0;
    std::uint64_t content = 0;  ///< offset
    std::uint64_t end = 0;      ///< beyond the head's if its size is not known
};

/// Returns the length of a number of variable length, which its first byte tells; 0: none is that long.
std::uint64_t vint_length(std::uint64_t first) {
    for (std::uint64_t length = 1; length <= 8; ++length)
        if ((first & (0x100U >> length)) != 0) return length;
    return 0;
}

std::optional<Element> element_at(const Head& head, std::uint64_t at) {
    const auto id_length = vint_length(head.big_endian(at, 1).value_or(0));
    const auto id = id_length == 0 ? std::nullopt : head.big_endian(at, id_length);
    if (!id) return std::nullopt;
    at += id_length;
    const auto size_length = vint_length(head.big_endian(at, 1).value_or(0));
    const auto marked = size_length == 0 ? std::nullopt : head.big_endian(at, size_length);
    if (!marked) return std::nullopt;
    const std::uint64_t mask = (std::uint64_t{1} << (7 * size_length)) - 1;
    const std::uint64_t content = at + size_length, length = *marked & mask;
    return Element{*id, content, length == mask ? ~std::uint64_t{0} : content + length};
}

/// Finds an element among its siblings, which lie between `at` and `end`.
std::optional<Element> find_element(const Head& head, std::uint64_t id, std::uint64_t at, std::uint64_t end) {
    while (at < end) {
        const auto element = element_at(head, at);
        if (!element || element->id == id) return element;
        if (element->id == kCluster || element->end <= at) return std::nullopt;
        at = element->end;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> number_in(const Head& head, const Element& element) {
    const std::uint64_t length = element.end - element.content;
    return length > 8 ? std::nullopt : head.big_endian(element.content, length);
}

std::optional<ByteRange> matroska_index(const Head& head, std::uint64_t size) {
    const auto segment = find_element(head, kSegment, 0, head.size());
    if (!segment) return std::nullopt;
    const std::uint64_t end = std::min(segment->end, head.size());
    const auto seek_head = find_element(head, kSeekHead, segment->content, end);
    if (!seek_head) return std::nullopt;
    const std::uint64_t seeks_end = std::min(seek_head->end, head.size());
    for (std::uint64_t at = seek_head->content; at < seeks_end;) {
        const auto seek = find_element(head, kSeek, at, seeks_end);
        if (!seek || seek->end > seeks_end) return std::nullopt;
        const auto id = find_element(head, kSeekId, seek->content, seek->end);
        const auto position = find_element(head, kSeekPosition, seek->content, seek->end);
        if (id && position && number_in(head, *id) == kCues) {
            const auto offset = number_in(head, *position);
            if (!offset || *offset > size || segment->content + *offset < head.size()) return std::nullopt;
            return placed(segment->content + *offset, kUnsizedIndexLength, size);
        }
        at = seek->end;
    }
    return std::nullopt;
}

// ---- others ----

std::optional<ByteRange> avi_index(const Head& head, std::uint64_t size) {
    constexpr std::uint64_t kFirstChunk = 12, kChunkHeader = 8;
    for (std::uint64_t at = kFirstChunk; at < head.size();) {
        const auto length = head.little_endian(at + 4, 4);
        if (!length) return std::nullopt;
        const std::uint64_t end = at + kChunkHeader + *length + *length % 2;
        if (head.has(at, "LIST") && head.has(at + kChunkHeader, "movi"))
            return end < head.size() ? std::nullopt : placed(end, kMaxIndexLength, size);
        at = end;
    }
    return std::nullopt;
}

std::optional<ByteRange> seven_zip_index(const Head& head, std::uint64_t size) {
    constexpr std::uint64_t kSignatureHeader = 32;
    const auto offset = head.little_endian(12, 8), length = head.little_endian(20, 8);
    if (!offset || !length || *offset > size || *length == 0) return std::nullopt;
    return placed(kSignatureHeader + *offset, *length, size);
}

}  // namespace

std::optional<ByteRange> container_index(ByteView bytes, std::uint64_t size) {
    const Head head(bytes.first(std::min<std::uint64_t>(bytes.size(), size)));
    if (head.has(4, "ftyp")) return mp4_index(head, size);
    if (head.big_endian(0, 4) == kEbml) return matroska_index(head, size);
    if (head.has(0, "RIFF") && head.has(8, "AVI ")) return avi_index(head, size);
    if (head.has(0, "7z\xBC\xAF\x27\x1C")) return seven_zip_index(head, size);
    return std::nullopt;
}

// The directory stands before the records that end it, so their place and its length are enough: offsets are
// wrong in archives that have something in front.
std::optional<ByteRange> zip_directory(ByteView tail, std::uint64_t size) {
    constexpr std::uint64_t kEndRecord = 22, kLocator64 = 20, kEndRecord64 = 56;
    const Head end(tail);
    if (end.size() < kEndRecord || end.size() > size) return std::nullopt;
    std::uint64_t at = end.size() - kEndRecord;
    const auto is_end_record = [&] {
        return end.has(at, "PK\5\6") && at + kEndRecord + *end.little_endian(at + 20, 2) == end.size();
    };
    while (!is_end_record())
        if (at-- == 0) return std::nullopt;
    std::uint64_t length = *end.little_endian(at + 12, 4);
    if (at >= kLocator64 + kEndRecord64 && end.has(at - kLocator64, "PK\6\7") &&
        end.has(at - kLocator64 - kEndRecord64, "PK\6\6")) {
        at -= kLocator64 + kEndRecord64;
        length = *end.little_endian(at + 40, 8);
    }
    const std::uint64_t directory_end = size - end.size() + at;
    if (length <= at || length > directory_end) return std::nullopt;
    return placed(directory_end - length, length, size);
}

}  // namespace btfs
