// `btfs export`: copies finished files out of a mount.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "cache/disk/file_descriptor.hpp"
#include "cache/disk/whole_file.hpp"
#include "cli/commands.hpp"
#include "cli/mounted_file.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/settings/user_folders.hpp"
#include "cli/text/human_size.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/progress_bar.hpp"
#include "cli/verified_clone.hpp"
#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/types.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopySize = std::size_t{1} << 20;
constexpr std::size_t kUnfinishedNamed = 3;

Failure failure_of(const fs::path& path, const std::string& what) {
    return Failure(path.string() + ": " + what + ": " + std::strerror(errno));
}

/// A file that takes its name when it is whole, and is removed if it never is.
class NewFile {
  public:
    NewFile(fs::path name, mode_t mode) : name_(std::move(name)), part_(part_beside(name_)) {
        fd_ = FileDescriptor(::open(part_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
        if (!fd_) throw failure_of(name_, "cannot be written");
    }
    ~NewFile() {
        if (!finished_) unlink(part_.c_str());
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    int fd() const { return fd_.get(); }
    void write(std::uint64_t offset, ByteView bytes) const {
        while (!bytes.empty()) {
            const ssize_t done = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (done < 0 && errno == EINTR) continue;
            if (done < 0) throw failure_of(name_, "cannot be written");
            offset += static_cast<std::uint64_t>(done);
            bytes = bytes.subspan(static_cast<std::size_t>(done));
        }
    }
    /// Gives it its name, once it is on the disk. Without `replace`, a file of that name stays.
    void finish(bool replace) {
        if (fdatasync(fd_.get()) != 0) throw failure_of(name_, "cannot be written");
        if (!take_name(replace)) throw failure_of(name_, "cannot be written");
        finished_ = true;
    }

  private:
    bool take_name(bool replace) const {
        if (replace) return rename(part_.c_str(), name_.c_str()) == 0;
        if (renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, name_.c_str(), RENAME_NOREPLACE) == 0) return true;
        if (errno != EINVAL) return false;
        // The file system does not know that call. Between the look and the rename somebody may be faster.
        if (faccessat(AT_FDCWD, name_.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) errno = EEXIST;
        return errno != EEXIST && rename(part_.c_str(), name_.c_str()) == 0;
    }

    const fs::path name_, part_;
    FileDescriptor fd_;
    bool finished_ = false;
};

struct Entry {
    fs::path from, to;
    fs::file_type type;
    std::uint64_t size = 0;
};

fs::file_type type_of(const fs::path& path) {
    return fs::symlink_status(path).type();
}

/// Lists what is to be copied, folders before what is in them.
std::vector<Entry> list_entries(const fs::path& from, const fs::path& to) {
    std::vector<Entry> entries{{from, to, type_of(from)}};
    if (entries.front().type != fs::file_type::directory) return entries;
    for (const auto& entry : fs::recursive_directory_iterator(from))
        entries.push_back(
            {entry.path(), to / entry.path().lexically_relative(from), entry.symlink_status().type()});
    return entries;
}

/// Throws if a copy could not take its name, before an hour goes into copying.
void check_free(const std::vector<Entry>& entries, bool force) {
    for (const Entry& entry : entries) {
        const fs::file_type there = type_of(entry.to);
        if (there == fs::file_type::not_found) continue;
        const bool to_folder = entry.type == fs::file_type::directory;
        if (to_folder != (there == fs::file_type::directory))
            throw Failure(entry.to.string() + (to_folder ? ": is there, and no folder" : ": is a folder"));
        if (!to_folder && !force)
            throw Failure(entry.to.string() + ": is there already; --force replaces it");
    }
}

/// Learns the sizes. Throws if files are not complete and nobody is to wait for them.
void check_complete(std::vector<Entry>& entries, bool wait) {
    std::vector<std::string> unfinished;
    for (Entry& entry : entries) {
        if (entry.type != fs::file_type::regular) continue;
        const MountedFile file(entry.from);
        entry.size = file.size();
        if (!file.is_complete()) unfinished.push_back(entry.from.string());
    }
    if (wait || unfinished.empty()) return;
    std::string names = unfinished.front();
    for (std::size_t i = 1; i < std::min(unfinished.size(), kUnfinishedNamed); ++i)
        names += ", " + unfinished[i];
    if (unfinished.size() > kUnfinishedNamed)
        names += " and " + std::to_string(unfinished.size() - kUnfinishedNamed) + " more";
    throw Failure(names + ": not downloaded to the end; --wait downloads the rest first");
}

class Exporter {
  public:
    Exporter(const ExportOptions& options, std::uint64_t total)
        : force_(options.force),
          cache_dir_(options.cache_dir.empty() ? default_cache_path(false) : options.cache_dir),
          bar_("exporting", total) {}

    void copy(const Entry& entry) {
        switch (entry.type) {
            case fs::file_type::directory:
                fs::create_directories(entry.to);
                return;
            case fs::file_type::symlink:
                if (force_) fs::remove(entry.to);
                fs::create_symlink(fs::read_symlink(entry.from), entry.to);
                return;
            default:
                copy_file(entry);
        }
    }
    std::uint64_t copied() const { return done_; }
    std::uint64_t cloned() const { return cloned_; }

  private:
    void copy_file(const Entry& entry) {
        const MountedFile from(entry.from);
        NewFile to(entry.to, from.copy_mode());
        const auto right = clone_verified(to.fd(), cache_dir_, from.state(), from.size(),
                                          [this](std::uint64_t bytes) { advance(bytes); });
        std::uint64_t at = 0;
        for (const ByteRange& range : right) {
            copy_range(from, to, {at, range.begin});
            cloned_ += range.size();
            at = range.end;
        }
        copy_range(from, to, {at, from.size()});
        to.finish(force_);
    }
    /// By read and write: the kernel copies between two file systems in no other way.
    void copy_range(const MountedFile& from, const NewFile& to, ByteRange range) {
        while (!range.empty()) {
            const auto part = std::span(buffer_).first(std::min<std::uint64_t>(buffer_.size(), range.size()));
            const std::size_t done = from.read(range.begin, part);
            to.write(range.begin, part.first(done));
            range.begin += done;
            advance(done);
        }
    }
    void advance(std::uint64_t bytes) { bar_.update(done_ += bytes); }

    const bool force_;
    const fs::path cache_dir_;
    Bytes buffer_ = Bytes(kCopySize);
    std::uint64_t done_ = 0, cloned_ = 0;
    ProgressBar bar_;
};

}  // namespace

int export_path(const ExportOptions& options) {
    std::error_code error;
    const fs::path from = fs::canonical(options.path, error);
    if (error) throw Failure(options.path.string() + ": " + error.message());
    const fs::path to =
        fs::is_directory(options.destination) ? options.destination / from.filename() : options.destination;
    std::uint64_t copied = 0, cloned = 0;
    try {
        std::vector<Entry> entries = list_entries(from, to);
        check_free(entries, options.force);
        check_complete(entries, options.wait);
        std::uint64_t total = 0;
        for (const Entry& entry : entries) total += entry.size;
        Exporter exporter(options, total);
        for (const Entry& entry : entries) exporter.copy(entry);
        copied = exporter.copied();
        cloned = exporter.cloned();
    } catch (const fs::filesystem_error& e) {
        throw Failure(e.path1().string() + ": " + e.code().message());
    }
    std::cout << printable(to.string()) << ": " << human_size(copied);
    if (cloned > 0) std::cout << ", of which " << human_size(cloned) << " share the disk with the cache";
    std::cout << '\n';
    return kSuccess;
}

}  // namespace btfs::cli
