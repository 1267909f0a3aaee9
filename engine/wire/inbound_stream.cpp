#include "engine/wire/inbound_stream.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace btfs::wire {
namespace {

constexpr std::size_t kLengthSize = 4;
constexpr std::uint32_t kPieceFixedSize = 9;  // id, index, begin

// Target of the bytes of unwanted blocks. Written, never read.
thread_local std::array<std::byte, kBlockSize> discarded;

}  // namespace

InboundStream::InboundStream(Sink& sink, std::uint32_t max_message_size)
    : sink_(sink), max_message_size_(max_message_size) {}

void InboundStream::plan_segment(Target target, std::byte* data, std::size_t size, const BlockRef& block) {
    assert(segment_count_ < segments_.size());
    segments_[segment_count_++] = {target, data, size, block};
}

void InboundStream::plan() {
    segment_count_ = 0;
    std::size_t planned = 0;
    if (block_) {
        if (discarding_) {
            plan_segment(Target::block_rest, discarded.data(),
                         std::min(block_rest_.size(), discarded.size()));
            return;
        }
        plan_segment(Target::block_rest, block_rest_.data(), block_rest_.size());
        planned = block_rest_.size();
    }
    if (greeted_ && staged_ < kPieceHeaderSize) {
        for (std::size_t n = 0; n < kMaxGuesses && planned < kMaxTurn; ++n) {
            const auto guess = sink_.guess(n);
            if (!guess || (n == 0 && !staged_could_be(guess->block))) break;
            assert(guess->place.size() == guess->block.size);
            auto& header = headers_[n];
            const std::size_t known = n == 0 ? staged_ : 0;  // header bytes from an earlier turn
            if (known > 0) std::memcpy(header.data(), staging_.data(), known);
            plan_segment(Target::header, header.data() + known, header.size() - known, guess->block);
            plan_segment(Target::block, guess->place.data(), guess->place.size(), guess->block);
            planned += header.size() + guess->block.size;
        }
        if (segment_count_ > (block_ ? 1u : 0u)) return;
    }
    if (block_) return;
    if (staging_.size() < staged_ + kStagingSize / 4) staging_.resize(std::max(staged_ * 2, kStagingSize));
    plan_segment(Target::staging, staging_.data() + staged_, staging_.size() - staged_);
}

bool InboundStream::staged_could_be(const BlockRef& block) const {
    std::array<std::byte, kPieceHeaderSize> expected;
    write_piece_header(expected, block);
    return std::equal(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(staged_),
                      staging_.begin());
}

std::size_t InboundStream::receive_buffers(std::span<iovec> out) {
    plan();
    const std::size_t count = std::min(segment_count_, out.size());
    for (std::size_t i = 0; i < count; ++i) out[i] = {segments_[i].data, segments_[i].size};
    return count;
}

Error InboundStream::received(std::size_t size) {
    for (std::size_t i = 0; size > 0; ++i) {
        assert(i < segment_count_);
        const Segment& segment = segments_[i];
        const std::size_t here = std::min(size, segment.size);
        switch (segment.target) {
            case Target::block_rest:
                advance_block(here);
                break;
            case Target::header: {
                std::array<std::byte, kPieceHeaderSize> expected;
                write_piece_header(expected, segment.block);
                std::byte* const header = segment.data + segment.size - kPieceHeaderSize;
                const std::size_t had = kPieceHeaderSize - segment.size + here;
                if (std::memcmp(header, expected.data(), had) != 0) return reparse_from(i, size);
                if (had < kPieceHeaderSize) {  // the rest of the header comes later
                    if (staging_.size() < kPieceHeaderSize) staging_.resize(kStagingSize);
                    std::memcpy(staging_.data(), header, had);
                    staged_ = had;
                    return {};
                }
                staged_ = 0;
                if (Error error = begin_block(segment.block)) return error;
                break;
            }
            case Target::block: {
                const bool in_place = !discarding_ && block_rest_.data() == segment.data;
                if (!in_place && !discarding_) std::memcpy(block_rest_.data(), segment.data, here);
                advance_block(here);
                break;
            }
            case Target::staging: {
                const std::size_t total = staged_ + here;
                staged_ = 0;
                auto used = parse(ByteView(staging_).first(total));
                if (!used) return used.error();
                std::memmove(staging_.data(), staging_.data() + *used, total - *used);
                staged_ = total - *used;
                if (staged_ == 0 && staging_.size() > 4 * kStagingSize) staging_ = Bytes();
                break;
            }
        }
        size -= here;
    }
    return {};
}

// Handles a read whose layout was guessed wrongly: from the header of `segment` on, joins the scattered bytes
// and parses them as a plain part of the stream.
Error InboundStream::reparse_from(std::size_t segment, std::size_t size) {
    Bytes plain;
    const std::size_t known = kPieceHeaderSize - segments_[segment].size;
    plain.reserve(known + size);
    if (known > 0)
        plain.insert(plain.end(), staging_.begin(), staging_.begin() + static_cast<std::ptrdiff_t>(known));
    for (std::size_t i = segment; size > 0; ++i) {
        const std::size_t here = std::min(size, segments_[i].size);
        plain.insert(plain.end(), segments_[i].data, segments_[i].data + here);
        size -= here;
    }
    staged_ = 0;
    return feed(plain);
}

Error InboundStream::feed(ByteView bytes) {
    Bytes joined;
    if (staged_ > 0) {
        joined.assign(staging_.begin(), staging_.begin() + static_cast<std::ptrdiff_t>(staged_));
        joined.insert(joined.end(), bytes.begin(), bytes.end());
        bytes = joined;
        staged_ = 0;
    }
    auto used = parse(bytes);
    if (!used) return used.error();
    const ByteView rest = bytes.subspan(*used);
    if (staging_.size() < rest.size()) staging_.resize(std::max(rest.size(), kStagingSize));
    std::ranges::copy(rest, staging_.begin());
    staged_ = rest.size();
    return {};
}

/// Parses all whole messages and returns their size in bytes.
Result<std::size_t> InboundStream::parse(ByteView bytes) {
    std::size_t used = 0;
    while (used < bytes.size()) {
        const ByteView rest = bytes.subspan(used);
        if (block_) {
            const std::size_t here = std::min(rest.size(), block_rest_.size());
            if (!discarding_) std::memcpy(block_rest_.data(), rest.data(), here);
            advance_block(here);
            used += here;
            continue;
        }
        if (!greeted_) {
            if (rest.size() < Handshake::kSize) break;
            if (Error error = sink_.on_handshake(rest.first(Handshake::kSize))) return error;
            greeted_ = true;
            used += Handshake::kSize;
            continue;
        }
        auto message = parse_message_or_piece(rest);
        if (!message) return message.error();
        if (*message == 0) break;
        used += *message;
    }
    return used;
}

/// Parses one message, or the header of a Piece message. Returns its size in bytes, 0 if it is not complete
/// yet.
Result<std::size_t> InboundStream::parse_message_or_piece(ByteView bytes) {
    if (bytes.size() < kLengthSize) return 0;
    const auto length = load_big_endian<std::uint32_t>(bytes.data());
    const bool has_id = bytes.size() > kLengthSize;
    if (length > 0 && !has_id) return 0;
    if (length > 0 && bytes[kLengthSize] == static_cast<std::byte>(MessageId::piece)) {
        if (length < kPieceFixedSize) return Errc::message_malformed;
        if (length - kPieceFixedSize > kBlockSize) return Errc::message_too_long;
        if (bytes.size() < kPieceHeaderSize) return 0;
        const BlockRef block{PieceIndex(load_big_endian<std::uint32_t>(bytes.data() + 5)),
                             load_big_endian<std::uint32_t>(bytes.data() + 9), length - kPieceFixedSize};
        if (Error error = begin_block(block)) return error;
        return kPieceHeaderSize;
    }
    if (length > max_message_size_) return Errc::message_too_long;
    const std::size_t whole = kLengthSize + length;
    if (bytes.size() < whole) return 0;
    ++completed_;
    if (Error error = sink_.on_message(bytes.subspan(kLengthSize, length))) return error;
    return whole;
}

Error InboundStream::begin_block(const BlockRef& block) {
    auto place = sink_.on_block_begin(block);
    if (!place) return place.error();
    assert(place->size() == block.size);
    block_ = block;
    block_rest_ = *place;
    discarding_ = false;
    if (block.size == 0) advance_block(0);
    return {};
}

void InboundStream::advance_block(std::size_t size) {
    block_rest_ = block_rest_.subspan(size);
    if (!block_rest_.empty()) return;
    const BlockRef ended = *block_;
    block_.reset();
    discarding_ = false;
    ++completed_;
    sink_.on_block_end(ended);
}

void InboundStream::divert_block() {
    // block_rest_ keeps counting; its memory is not touched any more.
    if (block_) discarding_ = true;
}

}  // namespace btfs::wire
