#include "engine/core/file_name.hpp"

#include <algorithm>

namespace btfs {
namespace {

constexpr std::size_t kMaxExtensionSize = 16;  // bytes, including the dot

bool continues_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

}  // namespace

std::string_view extension_of(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0 || name.size() - dot > kMaxExtensionSize) return {};
    return name.substr(dot);
}

std::string with_tag(std::string_view name, std::string_view tag, std::size_t room) {
    const std::string_view extension = extension_of(name);
    const std::string_view stem = name.substr(0, name.size() - extension.size());
    const std::size_t most = kMaxNameSize - extension.size() - 1 - std::max(room, tag.size());
    std::size_t size = std::min(stem.size(), most);
    while (size > 0 && size < stem.size() && continues_character(stem[size])) --size;
    return std::string(stem.substr(0, size)) + ' ' + std::string(tag) + std::string(extension);
}

}  // namespace btfs
