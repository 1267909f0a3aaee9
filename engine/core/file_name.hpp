// Names of files: their longest size, their extension, and names with a tag.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace btfs {

inline constexpr std::size_t kMaxNameSize = 255;  ///< bytes, as Linux has it

/// ".mkv" of "film.mkv"; nothing of ".bashrc" and "README". More than 16 bytes are no extension.
std::string_view extension_of(std::string_view name);

/// Inserts a space and `tag`, which is short, before the extension of a name that is UTF-8. Cuts the name at
/// the end of a character, so that the whole is not longer than kMaxNameSize with a tag of `room` bytes, or
/// of its own size if that is larger.
std::string with_tag(std::string_view name, std::string_view tag, std::size_t room = 0);

}  // namespace btfs
