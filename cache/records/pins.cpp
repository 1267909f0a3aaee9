#include "cache/records/pins.hpp"

#include <algorithm>
#include <string_view>

#include "engine/core/hash.hpp"

namespace btfs {
namespace {

constexpr std::string_view kPinsMagic = "btfspin1";
constexpr std::uint32_t kPinsVersion = 1;
constexpr std::size_t kHeaderSize = 16, kRangeSize = 8;

}  // namespace

Pins with_pins(std::span<const FileRange> pins, std::span<const FileRange> more) {
    Pins all(pins.begin(), pins.end());
    all.insert(all.end(), more.begin(), more.end());
    std::ranges::sort(all, {}, &FileRange::first);
    Pins united;
    for (const FileRange& range : all) {
        if (!united.empty() && range.first <= std::uint64_t{united.back().last} + 1) {
            united.back().last = std::max(united.back().last, range.last);
        } else {
            united.push_back(range);
        }
    }
    return united;
}

Pins without_pins(std::span<const FileRange> pins, std::span<const FileRange> fewer) {
    Pins left(pins.begin(), pins.end());
    for (const FileRange& gone : with_pins({}, fewer)) {
        Pins parts;
        for (const FileRange& range : left) {
            if (range.first < gone.first)
                parts.push_back({range.first, std::min(range.last, gone.first - 1)});
            if (range.last > gone.last) parts.push_back({std::max(range.first, gone.last + 1), range.last});
        }
        left = std::move(parts);
    }
    return left;
}

Bitfield pinned_pieces(const Layout& layout, std::span<const FileRange> pins) {
    return pins.empty() ? Bitfield(layout.piece_count()) : pieces_of(layout, pins);
}

Bytes encode_pins(std::span<const FileRange> pins) {
    Bytes out;
    ByteWriter writer(out);
    writer.text(kPinsMagic).u32(kPinsVersion).u32(static_cast<std::uint32_t>(pins.size()));
    for (const FileRange& range : pins) writer.u32(range.first).u32(range.last);
    const Sha1Digest digest = sha1(out);
    writer.bytes(digest.view());
    return out;
}

std::optional<Pins> parse_pins(ByteView file) {
    if (file.size() < kHeaderSize + Sha1Digest::kSize) return std::nullopt;
    const ByteView body = file.first(file.size() - Sha1Digest::kSize);
    if (sha1(body) != Sha1Digest::from(file.subspan(body.size()))) return std::nullopt;
    ByteReader in(body);
    if (as_text(in.take(kPinsMagic.size())) != kPinsMagic || in.u32() != kPinsVersion) return std::nullopt;
    const std::uint32_t count = in.u32();
    if (body.size() - kHeaderSize != std::uint64_t{count} * kRangeSize) return std::nullopt;
    Pins pins(count);
    for (FileRange& range : pins) {
        range.first = in.u32();
        range.last = in.u32();
        if (range.first > range.last) return std::nullopt;
    }
    return with_pins(pins, {});
}

}  // namespace btfs
