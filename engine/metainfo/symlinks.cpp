#include "engine/metainfo/symlinks.hpp"

#include <algorithm>

namespace btfs {
namespace {

using Names = std::vector<std::string_view>;

/// Follows `names` from `folder`. Returns nothing if they climb out of the torrent's folder.
std::optional<Names> walked(Names folder, const Names& names) {
    for (std::string_view name : names) {
        if (name.empty() || name == ".") continue;
        if (name != "..") {
            folder.push_back(name);
        } else if (folder.empty()) {
            return std::nullopt;
        } else {
            folder.pop_back();
        }
    }
    return folder;
}

Names split_at_slashes(const Names& names) {
    Names out;
    for (std::string_view name : names) {
        for (std::size_t slash; (slash = name.find('/')) != std::string_view::npos;
             name.remove_prefix(slash + 1))
            out.push_back(name.substr(0, slash));
        out.push_back(name);
    }
    return out;
}

}  // namespace

std::optional<Names> resolve_symlink(const Names& link, const Names& target, const SafePaths& paths) {
    const bool says_nothing = std::ranges::all_of(target, &std::string_view::empty);
    if (says_nothing || target.front().empty() || target.front().starts_with('/')) return std::nullopt;
    const Names own_folder(link.begin(), link.end() - 1);
    const Names parts = split_at_slashes(target);
    std::optional<Names> first_inside;
    for (const Names* said : {&target, &parts}) {
        for (const Names& from : {Names{}, own_folder}) {
            auto found = walked(from, *said);
            if (!found) continue;
            if (paths.contains(*found)) return found;
            // No file has this target as its name: take each '/' in it as a separator of folders.
            if (!first_inside && said == &parts) first_inside = std::move(found);
        }
    }
    return first_inside;
}

std::string relative_target(std::string_view link, std::string_view target) {
    std::size_t common = 0;  // size of the common beginning, including its last '/'
    for (std::size_t i = 0; i < link.size() && i <= target.size(); ++i) {
        const char in_target = i < target.size() ? target[i] : '/';
        if (link[i] != in_target) break;
        if (link[i] == '/') common = i + 1;
    }
    std::string out;
    for (auto ups = std::count(link.begin() + static_cast<std::ptrdiff_t>(common), link.end(), '/'); ups > 0;
         --ups)
        out += out.empty() ? ".." : "/..";
    const std::string_view down = target.substr(std::min(common, target.size()));
    if (!down.empty()) out.append(out.empty() ? "" : "/").append(down);
    return out.empty() ? "." : out;
}

}  // namespace btfs
