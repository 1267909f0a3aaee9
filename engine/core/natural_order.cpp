#include "engine/core/natural_order.hpp"

#include <cstddef>

#include "engine/core/ascii.hpp"

namespace btfs {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Takes a run of digits, without its leading zeros.
std::string_view take_number(std::string_view& text) {
    while (!text.empty() && text.front() == '0') text.remove_prefix(1);
    std::size_t length = 0;
    while (length < text.size() && is_digit(text[length])) ++length;
    const std::string_view number = text.substr(0, length);
    text.remove_prefix(length);
    return number;
}

struct Difference {
    std::strong_ordering order = std::strong_ordering::equal;
    bool is_of_numbers = false;
};

Difference first_difference(std::string_view one, std::string_view other) {
    while (!one.empty() && !other.empty()) {
        if (is_digit(one.front()) && is_digit(other.front())) {
            const std::string_view a = take_number(one), b = take_number(other);
            if (a.size() != b.size()) return {a.size() <=> b.size(), true};
            if (a != b) return {a <=> b, true};
            continue;
        }
        const auto a = static_cast<unsigned char>(ascii_lower(one.front()));
        const auto b = static_cast<unsigned char>(ascii_lower(other.front()));
        if (a != b) return {a <=> b, false};
        one.remove_prefix(1);
        other.remove_prefix(1);
    }
    return {one.size() <=> other.size(), false};
}

}  // namespace

std::strong_ordering natural_order(std::string_view one, std::string_view other) {
    return first_difference(one, other).order;
}

bool differ_by_number(std::string_view one, std::string_view other) {
    return first_difference(one, other).is_of_numbers;
}

}  // namespace btfs
