// Order of names in which "2" comes before "10".
#pragma once

#include <compare>
#include <string_view>

namespace btfs {

/// Compares runs of digits by their numbers, of any length, and all other bytes as ASCII's lower case letters
/// compare. Equal for names that differ in nothing else than upper case or leading zeros.
std::strong_ordering natural_order(std::string_view one, std::string_view other);

/// True if the first difference of two names in their natural order is one of numbers: episodes of a series,
/// tracks of a record.
bool differ_by_number(std::string_view one, std::string_view other);

}  // namespace btfs
