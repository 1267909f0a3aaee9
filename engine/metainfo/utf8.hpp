// UTF-8 as it comes from strangers: measured, repaired, cut.
#pragma once

#include <string>
#include <string_view>

namespace btfs {

/// The size of the well-formed character that `text` begins with; 0 if there is none.
std::size_t utf8_character_size(std::string_view text);

/// The same text with every byte that belongs to no well-formed character replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

/// At most `max_size` bytes from the front of a valid text, not cutting a character.
std::string_view utf8_prefix(std::string_view text, std::size_t max_size);

}  // namespace btfs
