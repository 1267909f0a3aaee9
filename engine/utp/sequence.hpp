// Sequence numbers of packets: 16 bits on the wire, which wrap; 64 bits here, which do not.
#pragma once

#include <cstdint>

namespace btfs::utp {

/// Place of a packet in its direction of a connection. Its lower 16 bits are the number on the wire.
using SequenceIndex = std::uint64_t;

/// The index for the first number of a direction. Far enough from 0 that nothing before it underflows.
constexpr SequenceIndex first_index(std::uint16_t number) {
    return 0x10000u + number;
}

constexpr std::uint16_t number_of(SequenceIndex index) {
    return static_cast<std::uint16_t>(index);
}

/// The index nearest to `near` that has this number on the wire.
constexpr SequenceIndex nearest_index(SequenceIndex near, std::uint16_t number) {
    const auto distance = static_cast<std::int16_t>(static_cast<std::uint16_t>(number - number_of(near)));
    return near + static_cast<SequenceIndex>(static_cast<std::int64_t>(distance));
}

}  // namespace btfs::utp
