#include "cli/film_choice.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "engine/core/natural_order.hpp"

namespace btfs::cli {
namespace {

constexpr std::array<std::string_view, 15> kFilms{"mkv", "mp4",  "m4v", "avi", "mov", "webm", "ts", "m2ts",
                                                  "mpg", "mpeg", "wmv", "flv", "ogv", "vob",  "3gp"};
constexpr std::array<std::string_view, 9> kMusic{"mp3", "flac", "m4a", "ogg", "opus",
                                                 "wav", "aac",  "wma", "ape"};
/// A film is at least so large, as a part of the largest one; what is smaller is a sample or a trailer.
constexpr std::uint64_t kSmallestPart = 5;

char lower(char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
    return out;
}

std::string_view name_of(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

std::string_view stem_of(std::string_view path) {
    const std::string_view name = name_of(path);
    return name.substr(0, name.rfind('.'));
}

template <class Kinds>
std::vector<PlayableFile> of_kind(const std::vector<PlayableFile>& files, const Kinds& kinds) {
    std::vector<PlayableFile> found;
    for (const PlayableFile& file : files) {
        const std::string_view name = name_of(file.path);
        const std::size_t dot = name.rfind('.');
        if (dot == std::string_view::npos) continue;
        if (std::ranges::find(kinds, lower(name.substr(dot + 1))) != kinds.end()) found.push_back(file);
    }
    return found;
}

bool natural_less(const PlayableFile& one, const PlayableFile& other) {
    const auto order = natural_order(one.path, other.path);
    return order == 0 ? one.path < other.path : order < 0;
}

}  // namespace

std::vector<PlayableFile> playable(const std::vector<PlayableFile>& files) {
    if (files.empty()) return {};
    std::vector<PlayableFile> found = of_kind(files, kFilms);
    if (!found.empty()) {
        const std::uint64_t largest = std::ranges::max_element(found, {}, &PlayableFile::size)->size;
        std::erase_if(found, [&](const PlayableFile& film) { return film.size < largest / kSmallestPart; });
    } else {
        found = of_kind(files, kMusic);
    }
    if (found.empty()) found.push_back(*std::ranges::max_element(files, {}, &PlayableFile::size));
    std::ranges::sort(found, natural_less);
    return found;
}

std::vector<PlayableFile> named(const std::vector<PlayableFile>& files, std::string_view name) {
    std::vector<PlayableFile> found;
    const auto take = [&](auto matches) {
        std::ranges::copy_if(files, std::back_inserter(found), matches);
        return !found.empty();
    };
    const std::string wanted = lower(name);
    if (!take([&](const PlayableFile& file) { return file.path == name; }) &&
        !take([&](const PlayableFile& file) { return name_of(file.path) == name; }) &&
        !take([&](const PlayableFile& file) { return lower(stem_of(file.path)) == wanted; }))
        take([&](const PlayableFile& file) { return lower(file.path).find(wanted) != std::string::npos; });
    std::ranges::sort(found, natural_less);
    return found;
}

}  // namespace btfs::cli
