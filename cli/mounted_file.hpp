// A torrent's file in a mount, open.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <span>

#include "cache/disk/file_descriptor.hpp"
#include "fs/file_state.hpp"

namespace btfs::cli {

class MountedFile {
  public:
    /// Throws Failure if it cannot be opened, or is no torrent's file in a mount of btfs.
    explicit MountedFile(const std::filesystem::path& path);

    /// As it was when the file was opened.
    const FileState& state() const { return state_; }
    bool is_complete() const { return state_.is_complete != 0; }
    std::uint64_t size() const { return static_cast<std::uint64_t>(status_.st_size); }
    /// Permissions of a copy: those of a new file, executable if this one is.
    mode_t copy_mode() const { return 0666 | (status_.st_mode & 0111); }

    /// Waits until the bytes are here; each is verified. Throws Failure.
    std::size_t read(std::uint64_t offset_in_file, std::span<std::byte> out) const;

  private:
    const std::filesystem::path path_;
    const FileDescriptor fd_;
    struct stat status_ {};
    FileState state_{};
};

}  // namespace btfs::cli
