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

fs::path Library::place(Index torrent, const std::string& name, const std::vector<std::string>& labels) {
    const auto first_of = [&](const Placed& placed) {
        return placed.links.empty() ? fs::path() : placed.links.front().parent_path();
    };
    if (const auto found = placed_.find(torrent);
        found != placed_.end() && found->second.name == name && found->second.labels == labels)
        return first_of(found->second);
    take_out(torrent);
    if (labels.empty()) return {};
    Placed placed{.name = name, .labels = labels, .links = {}};
    for (const std::string& label : labels) {
        if (!can_hold(label)) continue;
        const fs::path at = folder_ / label / name;
        if (links_.contains(at) || !link(at, mountpoint_ / name)) continue;
        links_.emplace(at, torrent);
        placed.links.push_back(at);
    }
    return first_of(placed_.emplace(torrent, std::move(placed)).first->second);
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
    for (fs::directory_iterator label(folder_, error), end; !error && label != end; label.increment(error)) {
        std::error_code ignored;
        if (!label->is_directory(ignored) || label->is_symlink(ignored)) continue;
        for (fs::directory_iterator at(label->path(), ignored); !ignored && at != end; at.increment(ignored))
            if (!links_.contains(at->path())) stale.push_back(at->path());
    }
    for (const fs::path& at : stale) unlink(at);
}

/// False if something else is there, or the disk refuses.
bool Library::link(const fs::path& at, const fs::path& target) {
    std::error_code error;
    fs::create_directory(at.parent_path(), error);
    if (!error) {
        const fs::path there = fs::read_symlink(at, error);
        if (!error && there == target) return true;
        if (!error && leads_into_mount(there)) fs::remove(at, error);
        error.clear();
        fs::create_symlink(target, at, error);
    }
    if (error && told_.insert(at).second)
        log::warn("library: {} cannot be linked: {}", printable(at.string()), error.message());
    return !error;
}

/// True for MOUNTPOINT/NAME.
bool Library::leads_into_mount(const fs::path& target) const {
    return target.is_absolute() && target.has_filename() && target.parent_path() == mountpoint_;
}

/// Removes a link of ours; leaves anything else.
void Library::unlink(const fs::path& at) {
    std::error_code error;
    const fs::path there = fs::read_symlink(at, error);
    if (error || !leads_into_mount(there)) return;
    fs::remove(at, error);
    if (error) log::warn("library: {} cannot be removed: {}", printable(at.string()), error.message());
}

}  // namespace btfs::cli
