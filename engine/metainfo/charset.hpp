// Converter of text in the encodings of old torrents (GBK, Shift-JIS, KOI8-R ...) to UTF-8.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace btfs {

/// Converts from one encoding by iconv(3). The encodings are a fixed list: those that torrents are found in,
/// all of them without shift states. A torrent cannot make iconv load any other converter.
class Charset {
  public:
    /// The encoding that a torrent names ("GBK", "shift-jis", "windows-1251"; upper or lower case, with any
    /// '-', '_' and blanks). Nothing for UTF-8, for an encoding that is not in the list, and for one that
    /// this machine's iconv lacks.
    static std::optional<Charset> named(std::string_view encoding);
    /// The same by the number of a Windows code page, such as 936.
    static std::optional<Charset> of_code_page(std::int64_t number);

    /// The text as UTF-8; nothing if it is not valid in this encoding.
    std::optional<std::string> to_utf8(std::string_view text) const;

  private:
    struct Close {
        void operator()(void* converter) const;
    };
    explicit Charset(void* converter) : converter_(converter) {}

    std::unique_ptr<void, Close> converter_;
};

}  // namespace btfs
