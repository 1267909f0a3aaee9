#include "cli/content_tree.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "cache/disk/linux_files.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/progress_bar.hpp"
#include "engine/metainfo/metainfo.hpp"
#include "engine/metainfo/safe_path.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadSize = std::size_t{1} << 20;

struct Found {
    fs::path path;
    NewFile file;
    FileStatus hashed{};
};

std::vector<std::string> parts_of(const fs::path& relative) {
    std::vector<std::string> parts;
    for (const fs::path& part : relative) parts.push_back(part.string());
    return parts;
}

bool is_executable(const fs::file_status& status) {
    return (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
}

struct Tree {
    std::vector<Found> files;
    std::vector<std::string> left_out;
};

/// Returns why a torrent cannot contain the entry; empty if it can, and for a folder that is not empty.
std::string why_left_out(const fs::directory_entry& entry) {
    if (entry.is_symlink()) return "is a symlink";
    if (entry.is_regular_file()) return {};
    if (!entry.is_directory()) return "is a pipe, socket or device";
    return fs::is_empty(entry.path()) ? "is an empty folder" : "";
}

Tree walk(const fs::path& root) {
    Tree tree;
    if (fs::is_regular_file(root)) {
        tree.files.push_back({root, {{}, fs::file_size(root), is_executable(fs::status(root))}});
        return tree;
    }
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        const fs::path relative = entry.path().lexically_relative(root);
        if (const std::string why = why_left_out(entry); !why.empty())
            tree.left_out.push_back(relative.string() + ": " + why);
        if (entry.is_symlink() || !entry.is_regular_file()) continue;
        tree.files.push_back(
            {entry.path(), {parts_of(relative), entry.file_size(), is_executable(entry.status())}});
    }
    std::ranges::sort(tree.files, {}, [](const Found& f) { return f.file.path; });
    std::ranges::sort(tree.left_out);
    return tree;
}

/// Names the fault for which a torrent may not have this name; empty if it has none.
std::string fault_text(const std::string& name) {
    switch (fault_of(name)) {
        case NameFault::not_utf8:
            return "bytes that are not UTF-8";
        case NameFault::control:
            return "a control character, such as a line break";
        case NameFault::bidirectional_control:
            return "a bidirectional control character, by which a name can look like another one";
        case NameFault::too_long:
            return "more than " + std::to_string(kMaxNameSize) + " bytes";
        case NameFault::none:
        case NameFault::reserved:
        case NameFault::slash:
            break;
    }
    return {};
}

/// Throws if a name could not stand in a torrent, before an hour goes into hashing. write_torrent() finds the
/// other faults of paths.
void check_name(const fs::path& path) {
    const std::string fault = fault_text(path.filename().string());
    if (fault.empty()) return;
    throw Failure(printable(path.string()) + ": its name has " + fault +
                  "; rename it to make a torrent of it");
}

void check_names(const fs::path& root, const std::vector<Found>& found) {
    check_name(root);
    for (const Found& f : found) {
        fs::path path = root;
        for (const std::string& part : f.file.path) check_name(path /= part);
    }
}

Failure unreadable(const fs::path& path, const Error& error) {
    return Failure(path.string() + ": cannot be read: " + error.message());
}
Failure changed(const fs::path& path) {
    return Failure(path.string() + ": changed while it was read; try again");
}

void hash_file(Found& found, PieceHasher& hasher, std::uint64_t& done, ProgressBar& bar) {
    LinuxFiles files;
    auto file = files.open(found.path, {});
    if (!file) throw unreadable(found.path, file.error());
    // Takes the status before hashing, so that a later change makes the file differ from it.
    const Result<FileStatus> status = (*file)->status();
    if (!status) throw unreadable(found.path, status.error());
    found.hashed = *status;
    if (status->size != found.file.size) throw changed(found.path);
    Bytes buffer(kReadSize);
    for (std::uint64_t at = 0; at < status->size;) {
        const std::uint64_t rest = status->size - at;
        const auto part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), rest));
        const Error error = read_all(**file, at, part);
        if (error == Errc::storage_corrupt) throw changed(found.path);
        if (error) throw unreadable(found.path, error);
        hasher.update(part);
        at += part.size();
        done += part.size();
        bar.update(done);
    }
    const Result<FileStatus> after = (*file)->status();
    if (!after || !after->unchanged_since(*status)) throw changed(found.path);
}

}  // namespace

MadeTorrent make_torrent(const CreateOptions& options) {
    const std::uint64_t size = options.piece_size;
    const bool power_of_two = (size & (size - 1)) == 0;
    if (size != 0 && (!power_of_two || size < kMinCreatedPieceLength || size > kMaxPieceLength))
        throw Failure("the piece size has to be a power of two from 16K to 512M");
    std::error_code error;
    const fs::path root = fs::canonical(options.path, error);
    if (error) throw Failure(options.path.string() + ": " + error.message());
    if (!fs::is_directory(root) && !fs::is_regular_file(root))
        throw Failure(options.path.string() + ": is neither a file nor a folder");

    Tree tree;
    try {
        tree = walk(root);
    } catch (const fs::filesystem_error& e) {
        throw Failure(e.path1().string() + ": " + e.code().message());
    }
    std::vector<Found>& found = tree.files;
    std::uint64_t total = 0;
    for (const Found& f : found) total += f.file.size;
    if (total == 0) throw Failure(options.path.string() + ": has no content to make a torrent of");
    check_names(root, found);

    MadeTorrent made;
    NewTorrent torrent;
    made.name = torrent.name = root.filename().string();
    torrent.piece_length =
        options.piece_size != 0 ? static_cast<std::uint32_t>(options.piece_size) : choose_piece_length(total);
    for (const std::string& url : options.trackers) torrent.trackers.push_back({url});
    torrent.web_seeds = options.web_seeds;
    torrent.is_private = options.is_private;
    torrent.comment = options.comment;
    torrent.created_by = "btfs " BTFS_VERSION;
    torrent.creation_date =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();

    PieceHasher hasher(torrent.piece_length);
    {
        ProgressBar bar("hashing", total);
        std::uint64_t done = 0;
        for (Found& f : found) hash_file(f, hasher, done, bar);
    }
    for (Found& f : found) {
        made.files.push_back(std::move(f.path));
        made.hashed.push_back(f.hashed);
        torrent.files.push_back(std::move(f.file));
    }
    auto written = write_torrent(torrent, hasher.finish());
    if (!written) throw Failure("cannot make a torrent of " + options.path.string(), written.error());
    made.torrent = std::move(*written);
    made.left_out = std::move(tree.left_out);
    return made;
}

void warn_of_left_out(const MadeTorrent& made) {
    const std::size_t named = std::min(made.left_out.size(), kMaxLeftOutNamed);
    for (std::size_t i = 0; i < named; ++i)
        std::fprintf(stderr, "btfs: left out of the torrent: %s\n", printable(made.left_out[i]).c_str());
    if (const std::size_t more = made.left_out.size() - named; more > 0)
        std::fprintf(stderr, "btfs: left out of the torrent: %zu more\n", more);
}

}  // namespace btfs::cli
