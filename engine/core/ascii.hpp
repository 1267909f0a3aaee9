// Letters of ASCII in lower case, whatever the locale.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace btfs {

/// Returns every character but A to Z as it is.
constexpr char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string ascii_lower(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) c = ascii_lower(c);
    return lower;
}

/// Returns true if the texts are equal but for the case of their letters.
constexpr bool equal_without_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return ascii_lower(c); };
    return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace btfs
