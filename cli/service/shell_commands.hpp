// Commands that programs write to files of .btfs in the mount.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "fs/mount_commands.hpp"

namespace btfs::cli {

/// Reads what was written: torrent files by their names, links by lines. Each torrent or link is one add; a
/// link that is none fails with EINVAL, and the others are added nevertheless. The log tells what failed.
/// Called from any thread.
class ShellCommands final : public MountCommands {
  public:
    /// Carries a command out, without keeping the caller waiting, and tells the log of failures. `done` takes
    /// an errno, and is dropped if the mount ends before.
    struct Torrents {
        /// `shown` is what the log calls the source.
        std::function<void(Bytes source, const std::string& shown, CommandDone done)> add;
        std::function<void(const std::string& info_hash, CommandDone done)> remove;
    };

    explicit ShellCommands(Torrents torrents) : torrents_(std::move(torrents)) {}

    std::size_t max_file_size() const override;
    /// *.torrent and *.magnet that are not hidden, as in a WatchFolder.
    bool takes(std::string_view name) const override;
    void take(const std::string& name, std::shared_ptr<const Bytes> content, CommandDone done) override;
    void add_links(std::string lines, CommandDone done) override;
    void remove(const std::string& member, CommandDone done) override;

  private:
    void add_all(std::vector<std::string> links, CommandDone done);

    const Torrents torrents_;
};

/// Returns the errno by which a program learns why a torrent was not added: EINVAL for what is none, EFBIG
/// for one that is too large, the system's own numbers, and EBUSY for one that cannot be served now.
Error shell_error(const Error& error);

}  // namespace btfs::cli
