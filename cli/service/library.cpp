#include "cli/service/library.hpp"

#include <algorithm>
#include <system_error>

#include "cli/process/failure.hpp"
#include "cli/text/one_line.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestName = 255;
/// Links that cannot be made, of which the log tells.
constexpr std::size_t kMostTold = 1000;

/// True if `path` is `folder` or lies below it. Both are absolute and normal.
bool is_below(const fs::path& path, const fs::path& folder) {
    return std::ranges::mismatch(folder, path).in1 == folder.end();
}

/// Returns an absolute path without "..", links of what exists resolved, and without a slash at its end.
fs::path settled(const fs::path& path) {
    std::error_code error;
    fs::path result = fs::weakly_canonical(fs::absolute(path), error);
    if (error) result = fs::absolute(path).lexically_normal();
    return result.has_filename() ? result : result.parent_path();
}

}  // namespace

Library::Library(const fs::path& folder, const fs::path& mountpoint)
    : folder_(settled(folder)), mountpoint_(fs::absolute(mountpoint).lexically_normal()) {
    if (!mountpoint_.has_filename()) mountpoint_ = mountpoint_.parent_path();
    const fs::path mount = settled(mountpoint);
    if (is_below(folder_, mount) || is_below(mount, folder_))
        throw Failure("--library " + folder.string() + " and the mountpoint " + mountpoint.string() +
                      " lie one in the other; give folders side by side");
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) throw Failure("--library " + folder.string(), error);
}

bool Library::can_hold(const std::string& label) {
    return !label.empty() && label != "." && label != ".." && label.size() <= kLongestName &&
           label.find('/') == std::string::npos && label.find('\0') == std::string::npos;
}

fs::path Library::place(Index torrent, const std::string& name, const std::vector<std::string>& labels,
                        const ListFiles& files) {
    if (const auto found = placed_.find(torrent);
        found != placed_.end() && found->second.name == name && found->second.labels == labels)
        return found->second.folder;
    take_out(torrent);
    if (labels.empty()) return {};
    std::vector<std::string> paths = files();
    if (paths.size() > kMostLinks) paths = {name};
    Placed& placed = placed_[torrent];
    placed = {.name = name, .labels = labels};
    for (const std::string& label : labels) {
        if (!can_hold(label)) continue;
        const fs::path folder = folder_ / label;
        if (const fs::path at = folder / name; !links_.contains(at) && is_ours(at)) unlink(at);
        bool any = false;
        for (const std::string& path : paths) {
            const fs::path at = folder / path;
            if (links_.contains(at) || !link(at, mountpoint_ / path)) continue;
            links_.insert(at);
            placed.links.push_back(at);
            any = true;
        }
        if (any && placed.folder.empty()) placed.folder = folder;
    }
    return placed.folder;
}

void Library::take_out(Index torrent) {
    const auto found = placed_.find(torrent);
    if (found == placed_.end()) return;
    for (const fs::path& at : found->second.links) {
        unlink(at);
        links_.erase(at);
    }
    placed_.erase(found);
}

void Library::remove_stale() {
    std::error_code error;
    std::vector<fs::path> stale;
    for (fs::recursive_directory_iterator at(folder_, error), end; !error && at != end; at.increment(error))
        if (!links_.contains(at->path()) && is_ours(at->path())) stale.push_back(at->path());
    for (const fs::path& at : stale) unlink(at);
}

/// False if something else is there, or the disk refuses.
bool Library::link(const fs::path& at, const fs::path& target) {
    std::error_code error;
    fs::create_directories(at.parent_path(), error);
    if (!error) {
        const fs::path there = fs::read_symlink(at, error);
        if (!error && there == target) return true;
        if (!error && leads_into_mount(there)) fs::remove(at, error);
        error.clear();
        fs::create_symlink(target, at, error);
    }
    if (error && told_.size() < kMostTold && told_.insert(at).second)
        log::warn("library: {} cannot be linked: {}", printable(at.string()), error.message());
    return !error;
}

/// True for MOUNTPOINT/NAME, and for what is below.
bool Library::leads_into_mount(const fs::path& target) const {
    return target.is_absolute() && target != mountpoint_ && target == target.lexically_normal() &&
           is_below(target, mountpoint_);
}

bool Library::is_ours(const fs::path& at) const {
    std::error_code error;
    const fs::path there = fs::read_symlink(at, error);
    return !error && leads_into_mount(there);
}

/// Removes a link of ours, and the folders that it leaves empty, but for the label's; leaves anything else.
void Library::unlink(const fs::path& at) {
    if (!is_ours(at)) return;
    std::error_code error;
    fs::remove(at, error);
    if (error) return log::warn("library: {} cannot be removed: {}", printable(at.string()), error.message());
    for (fs::path folder = at.parent_path(); folder.parent_path() != folder_; folder = folder.parent_path())
        if (fs::is_symlink(folder, error) || !fs::remove(folder, error) || error) break;
}

}  // namespace btfs::cli
