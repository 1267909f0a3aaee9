// The narrow interface between the cache and the disk: open files and the folder that they lie in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// An errno as an Error.
inline Error system_error(int number) {
    return {number, boost::system::system_category()};
}

/// File systems give space in blocks of this size, in bytes.
inline constexpr std::uint64_t kDiskBlock = 4096;

struct FileStatus {
    std::uint64_t size = 0;
    std::uint64_t bytes_on_disk = 0;  ///< as `du` counts them
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint32_t owner = 0;  ///< user id
    std::uint32_t mode = 0;   ///< permission bits
    timespec modified{};      ///< content, as anybody may set it
    timespec changed{};       ///< content, name, rights or times; nobody can set it
    std::int64_t born_s = 0;  ///< seconds since 1970; 0 if the file system does not tell

    bool same_file(const FileStatus& other) const { return inode == other.inode && device == other.device; }
    bool unchanged_since(const FileStatus& then) const {
        return same_file(then) && size == then.size && modified.tv_sec == then.modified.tv_sec &&
               modified.tv_nsec == then.modified.tv_nsec;
    }
    /// The same, and in no other way either: whoever sets `modified` back is found out.
    bool untouched_since(const FileStatus& then) const {
        return unchanged_since(then) && changed.tv_sec == then.changed.tv_sec &&
               changed.tv_nsec == then.changed.tv_nsec;
    }
};

/// Answer to the question whether a file has other users. unknown: the file system does not tell.
enum class OpenElsewhere : std::uint8_t { no, yes, unknown };

/// One open regular file. Each function is one system call, and each error the system's. Functions that may
/// be cut short say how many bytes they did. Called from any thread.
class File {
  public:
    File() = default;
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    virtual ~File() = default;

    /// 0 bytes at the end of the file.
    virtual Result<std::size_t> read(std::uint64_t offset_in_file, std::span<std::byte> out) = 0;
    /// Reads out of the page cache; EAGAIN for what would have to wait for the disk.
    virtual Result<std::size_t> read_cached(std::uint64_t offset_in_file, std::span<std::byte> out) = 0;
    virtual Result<std::size_t> write(std::uint64_t offset_in_file, ByteView bytes) = 0;
    /// Gives the range's space back to the file system. The range reads as zeros then; the size stays.
    virtual Error punch(ByteRange range_in_file) = 0;
    virtual Error truncate(std::uint64_t size) = 0;
    /// Makes all bytes written before survive a power loss. After an error these bytes stay doubtful: the
    /// kernel reports an error once, and the next call may succeed.
    virtual Error sync() = 0;
    /// Writes what is unwritten of the range to the disk and waits for it. Promises nothing: see sync().
    virtual Error write_out(ByteRange range_in_file) = 0;
    /// Asks the kernel to read the range soon. May wait for its first part.
    virtual void will_need(ByteRange range_in_file) = 0;
    /// The first offset from `offset` on that is not in a hole; ENXIO if there is none.
    virtual Result<std::uint64_t> next_data(std::uint64_t offset_in_file) = 0;
    /// The first offset from `offset` on that is in a hole, or the end of the file; ENXIO beyond that.
    virtual Result<std::uint64_t> next_hole(std::uint64_t offset_in_file) = 0;
    virtual Result<FileStatus> status() = 0;
    /// Sets the time of the last change, in seconds since 1970.
    virtual Error set_modified(std::int64_t seconds) = 0;
    /// Locks the file, which is open for writing, against other opens of it until it is closed; EWOULDBLOCK
    /// if it is locked.
    virtual Error try_lock() = 0;
    /// True if another open of the file has locked it; false also if the system does not tell. Does not lock
    /// it, so that nobody's try_lock() fails.
    virtual bool is_locked() = 0;
    /// Tells whether the file, which is open for writing, is open elsewhere, too: in another process, or
    /// mapped into one.
    virtual OpenElsewhere open_elsewhere() = 0;
    /// The kernel's name for the open file, which stays open as long as this. ENOTSUP if it has none.
    virtual Result<int> descriptor() = 0;
};

struct OpenHow {
    bool write = false;      ///< and read; otherwise read alone
    bool create = false;     ///< if it is not there
    bool exclusive = false;  ///< with `create`: EEXIST if it is there
    bool follow_links = false;
    bool follow_folder_links = true;  ///< false: ELOOP or ENOTDIR if a link leads to a folder on the way
    bool keep_access_time = false;    ///< where the owner of the file permits that
    unsigned mode = 0600;             ///< of a new file, less the process's mask
};

/// A folder, and the files that it holds under relative names. Called from any thread; may wait for the disk.
class Files {
  public:
    Files() = default;
    Files(const Files&) = delete;
    Files& operator=(const Files&) = delete;
    virtual ~Files() = default;

    /// Opens a regular file: EISDIR for a folder, EINVAL for anything else, ELOOP for a symbolic link that is
    /// not to be followed.
    virtual Result<std::unique_ptr<File>> open(const std::filesystem::path& name, const OpenHow& how) = 0;
    /// Does not follow a symbolic link.
    virtual Result<FileStatus> status(const std::filesystem::path& name) = 0;
    /// Replaces `to`.
    virtual Error rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
    virtual Error remove(const std::filesystem::path& name) = 0;
    /// Makes names that were created, renamed or removed beside `name` survive a power loss.
    virtual Error sync_folder_of(const std::filesystem::path& name) = 0;
    /// The names in this folder.
    virtual Result<std::vector<std::string>> list() = 0;
    /// Bytes of the folder's file system that its user may still take.
    virtual Result<std::uint64_t> bytes_free() = 0;
    /// Bytes of the folder's file system, taken or free.
    virtual Result<std::uint64_t> bytes_in_all() = 0;
};

/// Fills `out`. A system error, or storage_corrupt if the file ends before.
Error read_all(File& file, std::uint64_t offset_in_file, std::span<std::byte> out);
/// Writes all of `bytes`, in calls of at most `part` bytes. A system error.
Error write_all(File& file, std::uint64_t offset_in_file, ByteView bytes, std::size_t part = SIZE_MAX);
/// The stretches of the file's first `size` bytes that are not in holes, in order; at most `most`. All of
/// them, if the file system knows no holes. A system error.
Result<std::vector<ByteRange>> data_extents(File& file, std::uint64_t size, std::size_t most);
/// No error if the name leads to the file still; ENOENT if it leads to another one by now, or to none;
/// another system error if that cannot be told.
Error check_still_at(File& file, Files& files, const std::filesystem::path& name);

}  // namespace btfs
