#include "cli/text/one_line.hpp"

#include <cstdint>

#include "engine/metainfo/utf8.hpp"

namespace btfs::cli {
namespace {

/// Decodes a well-formed UTF-8 character.
std::uint32_t code_point(std::string_view character) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(character[i]); };
    if (character.size() == 1) return byte(0);
    std::uint32_t code = byte(0) & (0xffU >> (character.size() + 1));
    for (std::size_t i = 1; i < character.size(); ++i) code = code << 6 | (byte(i) & 0x3fU);
    return code;
}

bool is_printable(std::uint32_t code) {
    const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const bool breaks_line = code == 0x2028 || code == 0x2029;
    const bool turns_direction = code == 0x061c || code == 0x200e || code == 0x200f ||
                                 (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    return !control && !breaks_line && !turns_direction;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t size = utf8_character_size(text);
        if (size != 0 && is_printable(code_point(text.substr(0, size)))) {
            out += text.substr(0, size);
        } else {
            out += '?';
        }
        text.remove_prefix(size == 0 ? 1 : size);
    }
    return out;
}

std::string one_line(std::string_view text) {
    return printable(utf8_prefix(text, kMaxUntrustedText));
}

}  // namespace btfs::cli
