#include "cli/service/library.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <iterator>
#include <optional>
#include <system_error>

#include "cache/disk/file_descriptor.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/one_line.hpp"
#include "engine/log/log.hpp"
#include "fs/mountpoint.hpp"

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

std::error_code last_error() {
    return {errno, std::generic_category()};
}

/// Opens a folder by its name in another one, for paths below it; follows no symlink.
FileDescriptor open_folder(int folder, const std::string& name) {
    return FileDescriptor(openat(folder, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// Opens the folder that holds `at`, a path below `root`; follows no symlink on the way. Makes what is
/// missing if `make`.
FileDescriptor open_parent(const fs::path& root, const fs::path& at, bool make, std::error_code& error) {
    FileDescriptor folder(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (const fs::path& part : at.parent_path()) {
        if (!folder) break;
        if (part == "." || part == "..") {
            error = std::make_error_code(std::errc::invalid_argument);
            return {};
        }
        if (make && mkdirat(folder.get(), part.c_str(), 0777) != 0 && errno != EEXIST) {
            error = last_error();
            return {};
        }
        folder = open_folder(folder.get(), part.string());
    }
    if (!folder) error = last_error();
    return folder;
}

/// Returns the target of a symlink in a folder; nothing if there is no symlink of that name.
std::optional<std::string> read_link(int folder, const std::string& name) {
    char target[PATH_MAX];
    const ssize_t size = readlinkat(folder, name.c_str(), target, sizeof target);
    if (size < 0) return std::nullopt;
    return std::string(target, static_cast<std::size_t>(size));
}

/// True if a link to a file at this path below the mountpoint would not be found again.
bool is_too_deep(const std::string& path) {
    return std::ranges::count(path, '/') > Library::kDeepest;
}

std::vector<std::string> names_in(int folder) {
    std::vector<std::string> names;
    FileDescriptor readable(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR* const listing = readable ? fdopendir(readable.get()) : nullptr;
    if (listing == nullptr) return names;
    readable.release();
    while (const dirent* const entry = readdir(listing)) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
    }
    closedir(listing);
    return names;
}

/// A file, a folder's place that is a symlink, or a symlink that leads elsewhere.
bool is_taken(const std::error_code& error) {
    return error == std::errc::file_exists || error == std::errc::not_a_directory ||
           error == std::errc::too_many_symbolic_link_levels;
}

}  // namespace

Library::Library(const fs::path& folder, const fs::path& mountpoint)
    : folder_(settled(folder)), mountpoint_(fs::absolute(mountpoint).lexically_normal()) {
    if (!mountpoint_.has_filename()) mountpoint_ = mountpoint_.parent_path();
    const fs::path mount = absolute_mountpoint(mountpoint.string());  // does not ask a mount there
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
        return folder_of(found->second);
    take_out(torrent);
    if (labels.empty()) return {};
    // Another torrent had the name, and has a new one by now.
    if (const auto former = by_name_.find(name); former != by_name_.end()) take_out(former->second);
    std::vector<std::string> paths = files();
    if (paths.size() > kMostLinks || std::ranges::any_of(paths, is_too_deep)) paths = {name};
    const bool is_folder = std::ranges::find(paths, name) == paths.end();
    Placed& placed = placed_[torrent];
    placed = {.name = name, .labels = labels};
    by_name_.emplace(name, torrent);
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (!can_hold(labels[i])) continue;
        const fs::path folder = labels[i];
        // An earlier mount has linked the folder in place of its files.
        if (is_folder) unlink(folder / name);
        bool any = false;
        for (const std::string& path : paths) any = link(folder / path) || any;
        if (any && !placed.linked) placed.linked = i;
    }
    return folder_of(placed);
}

void Library::take_out(Index torrent) {
    const auto taken = placed_.extract(torrent);
    if (!taken) return;
    const Placed& placed = taken.mapped();
    by_name_.erase(placed.name);
    const FileDescriptor root(open(folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) return;
    std::vector<fs::path> links;
    for (const std::string& label : placed.labels) {
        const FileDescriptor folder = can_hold(label) ? open_folder(root.get(), label) : FileDescriptor();
        if (folder) find_links(folder.get(), placed.name, label, placed.name, kDeepest, links);
    }
    for (const fs::path& at : links) unlink(at);
}

fs::path Library::folder_of(const Placed& placed) const {
    return placed.linked ? folder_ / placed.labels[*placed.linked] : fs::path();
}

void Library::remove_stale(const std::set<std::string>& mounted) {
    std::vector<fs::path> stale;
    const FileDescriptor root(open(folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) return;
    for (const std::string& label : names_in(root.get())) {
        const FileDescriptor folder = open_folder(root.get(), label);
        if (!folder) continue;
        for (const std::string& name : names_in(folder.get()))
            if (!mounted.contains(name)) find_links(folder.get(), name, label, name, kDeepest, stale);
    }
    for (const fs::path& at : stale) unlink(at);
}

/// Finds links of ours: at LABEL/PATH, and below if that is a folder. `name` is the last part of PATH, in
/// `folder`.
void Library::find_links(int folder, const std::string& name, const fs::path& label, const fs::path& path,
                         int depth, std::vector<fs::path>& found) const {
    if (const auto target = read_link(folder, name)) {
        if (*target == mountpoint_ / path) found.push_back(label / path);
        return;
    }
    if (depth == 0) return;
    const FileDescriptor inner = open_folder(folder, name);
    if (!inner) return;
    for (const std::string& next : names_in(inner.get()))
        find_links(inner.get(), next, label, path / next, depth - 1, found);
}

/// False if something else is there, or the disk refuses.
bool Library::link(const fs::path& at) {
    std::error_code error;
    fs::create_directories(folder_, error);
    const FileDescriptor folder = error ? FileDescriptor() : open_parent(folder_, at, true, error);
    if (folder) {
        const std::string name = at.filename().string();
        const fs::path target = target_of(at);
        if (read_link(folder.get(), name) == target.string()) return true;
        if (symlinkat(target.c_str(), folder.get(), name.c_str()) == 0) return true;
        error = last_error();
    }
    if (told_.size() < kMostTold && told_.insert(at).second)
        log::warn("library: {} cannot be linked: {}", printable((folder_ / at).string()),
                  is_taken(error) ? "something else is there" : error.message());
    return false;
}

/// Returns the target of a link: LABEL/PATH leads to MOUNTPOINT/PATH.
fs::path Library::target_of(const fs::path& at) const {
    fs::path target = mountpoint_;
    for (auto part = std::next(at.begin()); part != at.end(); ++part) target /= *part;
    return target;
}

/// Removes a link of ours, and the folders that it leaves empty, but for the label's; leaves anything else.
void Library::unlink(const fs::path& at) {
    std::error_code error;
    const std::string name = at.filename().string();
    const FileDescriptor holder = open_parent(folder_, at, false, error);
    if (!holder || read_link(holder.get(), name) != target_of(at).string()) return;
    if (unlinkat(holder.get(), name.c_str(), 0) != 0)
        return log::warn("library: {} cannot be removed: {}", printable((folder_ / at).string()),
                         last_error().message());
    for (fs::path empty = at.parent_path(); empty.has_parent_path(); empty = empty.parent_path()) {
        const FileDescriptor parent = open_parent(folder_, empty, false, error);
        if (!parent || unlinkat(parent.get(), empty.filename().c_str(), AT_REMOVEDIR) != 0) break;
    }
}

}  // namespace btfs::cli
