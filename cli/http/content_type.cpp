#include "cli/http/content_type.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "cli/http/header_text.hpp"

namespace btfs::cli {
namespace {

using Type = std::pair<std::string_view, std::string_view>;

constexpr std::string_view kUnknown = "application/octet-stream";
constexpr std::string_view kPlain = "text/plain; charset=utf-8";

constexpr std::array kTypes = {
    Type{"mkv", "video/x-matroska"},
    Type{"mp4", "video/mp4"},
    Type{"m4v", "video/mp4"},
    Type{"webm", "video/webm"},
    Type{"avi", "video/x-msvideo"},
    Type{"mov", "video/quicktime"},
    Type{"mpg", "video/mpeg"},
    Type{"mpeg", "video/mpeg"},
    Type{"vob", "video/mpeg"},
    Type{"ts", "video/mp2t"},
    Type{"m2ts", "video/mp2t"},
    Type{"mts", "video/mp2t"},
    Type{"wmv", "video/x-ms-wmv"},
    Type{"flv", "video/x-flv"},
    Type{"ogv", "video/ogg"},
    Type{"3gp", "video/3gpp"},
    Type{"divx", "video/x-msvideo"},
    Type{"mp3", "audio/mpeg"},
    Type{"flac", "audio/flac"},
    Type{"ogg", "audio/ogg"},
    Type{"oga", "audio/ogg"},
    Type{"opus", "audio/ogg"},
    Type{"m4a", "audio/mp4"},
    Type{"m4b", "audio/mp4"},
    Type{"aac", "audio/aac"},
    Type{"wav", "audio/wav"},
    Type{"wma", "audio/x-ms-wma"},
    Type{"mka", "audio/x-matroska"},
    Type{"ape", "audio/x-ape"},
    Type{"ac3", "audio/ac3"},
    Type{"dts", "audio/vnd.dts"},
    Type{"jpg", "image/jpeg"},
    Type{"jpeg", "image/jpeg"},
    Type{"png", "image/png"},
    Type{"gif", "image/gif"},
    Type{"webp", "image/webp"},
    Type{"avif", "image/avif"},
    Type{"bmp", "image/bmp"},
    Type{"vtt", "text/vtt; charset=utf-8"},
    Type{"srt", "application/x-subrip"},
    Type{"ass", "text/x-ssa"},
    Type{"ssa", "text/x-ssa"},
    Type{"sub", kPlain},
    Type{"txt", kPlain},
    Type{"nfo", kPlain},
    Type{"md", kPlain},
    Type{"log", kPlain},
    Type{"cue", kPlain},
    Type{"sfv", kPlain},
    Type{"html", kPlain},
    Type{"htm", kPlain},
    Type{"xhtml", kPlain},
    Type{"xml", kPlain},
    Type{"svg", kPlain},
    Type{"js", kPlain},
    Type{"mjs", kPlain},
    Type{"css", kPlain},
    Type{"json", "application/json"},
    Type{"pdf", "application/pdf"},
    Type{"epub", "application/epub+zip"},
    Type{"zip", "application/zip"},
    Type{"rar", "application/vnd.rar"},
    Type{"7z", "application/x-7z-compressed"},
    Type{"gz", "application/gzip"},
    Type{"xz", "application/x-xz"},
    Type{"tar", "application/x-tar"},
    Type{"iso", "application/x-iso9660-image"},
    Type{"m3u", "audio/x-mpegurl"},
    Type{"m3u8", "application/vnd.apple.mpegurl"},
    Type{"torrent", "application/x-bittorrent"},
};

}  // namespace

std::string_view content_type(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) return kUnknown;
    const std::string_view ending = name.substr(dot + 1);
    const auto found = std::ranges::find_if(
        kTypes, [&](const Type& type) { return equals_ignoring_case(type.first, ending); });
    return found == kTypes.end() ? kUnknown : found->second;
}

bool is_media(std::string_view name) {
    const std::string_view type = content_type(name);
    return type.starts_with("video/") || (type.starts_with("audio/") && type != "audio/x-mpegurl");
}

}  // namespace btfs::cli
