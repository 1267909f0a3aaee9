#include "engine/metainfo/utf8.hpp"

#include <cstdint>

namespace btfs {

std::size_t utf8_character_size(std::string_view text) {
    if (text.empty()) return 0;
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return 1;

    std::size_t size = 0;
    std::uint8_t second_low = 0x80, second_high = 0xbf;  // narrower to exclude overlong and surrogate forms
    if (first >= 0xc2 && first <= 0xdf) {
        size = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        size = 3;
        if (first == 0xe0) second_low = 0xa0;
        if (first == 0xed) second_high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
        size = 4;
        if (first == 0xf0) second_low = 0x90;
        if (first == 0xf4) second_high = 0x8f;
    }
    if (size == 0 || text.size() < size || byte(1) < second_low || byte(1) > second_high) return 0;
    for (std::size_t i = 2; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
    }
    return size;
}

bool is_valid_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t size = utf8_character_size(text);
        if (size == 0) return false;
        text.remove_prefix(size);
    }
    return true;
}

bool is_bidirectional_control(std::string_view character) {
    switch (character.size()) {
        case 2:
            return character == "\u061c";
        case 3:
            return character == "\u200e" || character == "\u200f" ||
                   (character >= "\u202a" && character <= "\u202e") ||
                   (character >= "\u2066" && character <= "\u2069");
        default:
            return false;
    }
}

bool is_control_character(std::string_view character) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(character[i]); };
    switch (character.size()) {
        case 1:
            return byte(0) < 0x20 || byte(0) == 0x7f;
        case 2:
            return (byte(0) == 0xc2 && byte(1) < 0xa0) || is_bidirectional_control(character);
        case 3:
            return character == "\u2028" || character == "\u2029" || is_bidirectional_control(character);
        default:
            return false;
    }
}

std::string to_valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t size = utf8_character_size(text);
        if (size == 0) {
            out += "\xef\xbf\xbd";
            text.remove_prefix(1);
        } else {
            out += text.substr(0, size);
            text.remove_prefix(size);
        }
    }
    return out;
}

std::string_view utf8_prefix(std::string_view text, std::size_t max_size) {
    if (text.size() <= max_size) return text;
    while (max_size > 0 && (static_cast<std::uint8_t>(text[max_size]) & 0xc0) == 0x80) --max_size;
    return text.substr(0, max_size);
}

}  // namespace btfs
