// Commands that programs write to files of .btfs in the mount.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cli/text/link_lines.hpp"
#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "fs/mount_commands.hpp"

namespace btfs::cli {

/// Reads what was written: torrent files by their names, links by lines. Each torrent or link is one add, and
/// one job of the worker, so that what else is asked of the worker has its turn in between. A link that is
/// none fails with EINVAL, and the others are added nevertheless. The log tells what failed. Called from any
/// thread; outlives the worker's jobs.
class ShellCommands final : public MountCommands {
  public:
    using Job = std::function<void()>;

    /// The worker, and what it does. A command whose job is dropped is dropped, too.
    struct Torrents {
        std::function<void(Job)> post;
        // On the worker. Both throw Failure, and may throw any std::exception.
        std::function<void(Bytes source)> add;
        std::function<void(const std::string& info_hash)> remove;
    };

    /// kMaxLinks bounds the links of a *.magnet file and of one write to `link`.
    static constexpr std::size_t kMaxLinkFile = cli::kMaxLinkFile;
    static constexpr std::size_t kMaxLinks = cli::kMaxLinks;
    /// Links of one batch whose failures the log tells; of the others it tells how many failed.
    static constexpr std::size_t kMaxTold = 5;

    explicit ShellCommands(Torrents torrents) : torrents_(std::move(torrents)) {}

    std::size_t max_file_size(std::string_view name) const override;
    /// *.torrent and *.magnet that are not hidden, as in a WatchFolder.
    bool takes(std::string_view name) const override;
    void take(const std::string& name, std::shared_ptr<const Bytes> content, CommandDone done) override;
    void add_links(std::string lines, CommandDone done) override;
    void remove(const std::string& member, CommandDone done) override;

  private:
    struct Batch;

    void begin(std::string_view text, const std::shared_ptr<Batch>& batch);
    void add_next(const std::shared_ptr<Batch>& batch);

    const Torrents torrents_;
};

/// Returns the errno by which a program learns why a torrent was not added: EINVAL for what is none, EFBIG
/// for one that is too large, ENOSPC for a full disk, the system's own numbers, EBUSY for one that cannot be
/// served now, and EIO for all else.
Error shell_error(const Error& error);

}  // namespace btfs::cli
