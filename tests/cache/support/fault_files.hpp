// Files that fail on command.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cache/disk/files.hpp"

namespace btfs::test {

enum class DiskCall : std::uint8_t {
    open,
    read,
    read_cached,
    write,
    punch,
    truncate,
    sync,
    write_out,
    status,
    set_modified,
    lock,  ///< try_lock(), is_locked()
    rename,
    remove,
    sync_folder,
    list,
    space,  ///< bytes_free(), bytes_in_all()
    seek,   ///< next_data(), next_hole()
};
inline constexpr std::size_t kDiskCalls = 16;

/// Passes every call on to other files, counts it, and fails those that its rule names. Before a call of a
/// file is passed on, `before` may do something at that moment. Called from any thread.
class FaultFiles : public Files {
  public:
    struct Fault {
        int error = 0;             ///< errno; 0: none
        bool short_write = false;  ///< a write does half, without an error
    };
    /// Returns the fault of the nth call (from 0).
    using Rule = std::function<Fault(DiskCall call, const std::string& name, std::size_t nth)>;
    using Before = std::function<void(DiskCall call, const std::string& name)>;

    explicit FaultFiles(std::shared_ptr<Files> files);

    void set_rule(Rule rule);
    /// Fails all calls of this kind, on files whose name ends so.
    void fail(DiskCall call, int error, std::string name_ends_with = "");
    void work() { set_rule({}); }
    void set_before(Before before);
    std::size_t calls() const;
    std::size_t failed() const;

    Result<std::unique_ptr<File>> open(const std::filesystem::path& name, const OpenHow& how) override;
    Result<FileStatus> status(const std::filesystem::path& name) override;
    Error rename(const std::filesystem::path& from, const std::filesystem::path& to) override;
    Error remove(const std::filesystem::path& name) override;
    Error sync_folder_of(const std::filesystem::path& name) override;
    Result<std::vector<std::string>> list() override;
    Result<std::uint64_t> bytes_free() override;
    Result<std::uint64_t> bytes_in_all() override;

  private:
    class FaultyFile;
    struct Plan;
    const std::shared_ptr<Files> files_;
    const std::shared_ptr<Plan> plan_;  // shared with the open files
};

}  // namespace btfs::test
