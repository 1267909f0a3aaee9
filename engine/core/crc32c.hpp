// CRC32-C (Castagnoli), as BEP 40 and BEP 42 use it.
#pragma once

#include <cstdint>

#include "engine/core/bytes.hpp"

namespace btfs {

std::uint32_t crc32c(ByteView bytes);

}  // namespace btfs
