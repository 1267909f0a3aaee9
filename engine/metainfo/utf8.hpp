// Functions that measure, check, repair and cut untrusted UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace btfs {

/// The size of the well-formed character that `text` begins with; 0 if there is none.
std::size_t utf8_character_size(std::string_view text);

bool is_valid_utf8(std::string_view text);

/// True for one well-formed character that turns the direction in which text around it is shown, as U+202E
/// does.
bool is_bidirectional_control(std::string_view character);

/// True for one well-formed character that shows nothing but changes how text is shown: controls (C0, DEL,
/// C1), bidirectional controls, and separators of lines and paragraphs.
bool is_control_character(std::string_view character);

/// The same text with every byte that belongs to no well-formed character replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

/// At most `max_size` bytes from the front of a valid text, not cutting a character.
std::string_view utf8_prefix(std::string_view text, std::size_t max_size);

}  // namespace btfs
