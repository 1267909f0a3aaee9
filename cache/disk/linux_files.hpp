// Files of the Linux kernel.
#pragma once

#include <memory>

#include "cache/disk/file_descriptor.hpp"
#include "cache/disk/files.hpp"

namespace btfs {

/// Holds the folder open, so that a folder which takes its name later is not mistaken for it.
class LinuxFiles final : public Files {
  public:
    /// The working directory: names may be any path.
    LinuxFiles() = default;
    /// A folder, by a path that may lead through symbolic links. A system error.
    static Result<std::unique_ptr<LinuxFiles>> open_folder(const std::filesystem::path& path);

    /// Of the folder itself.
    Result<FileStatus> folder_status() const;

    Result<std::unique_ptr<File>> open(const std::filesystem::path& name, const OpenHow& how) override;
    Result<FileStatus> status(const std::filesystem::path& name) override;
    Error rename(const std::filesystem::path& from, const std::filesystem::path& to) override;
    Error remove(const std::filesystem::path& name) override;
    Error sync_folder_of(const std::filesystem::path& name) override;
    Result<std::vector<std::string>> list() override;
    Result<std::uint64_t> bytes_free() override;
    Result<std::uint64_t> bytes_in_all() override;

  private:
    explicit LinuxFiles(FileDescriptor folder) : folder_(std::move(folder)) {}
    int at() const;

    FileDescriptor folder_;  ///< none: the working directory
};

}  // namespace btfs
