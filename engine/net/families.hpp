// Questions about names: for which address families, and how urgent.
#pragma once

#include <cstdint>

namespace btfs::net {

enum class Families : std::uint8_t { v4, v6, both };

/// Urgent questions, those that a reader waits for, go before all others and have places of their own.
enum class LookUp : std::uint8_t { ordinary, urgent };

}  // namespace btfs::net
