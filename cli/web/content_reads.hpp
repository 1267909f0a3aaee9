// A file of the mount that a connection of the web server reads.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/core/error.hpp"
#include "engine/core/types.hpp"
#include "engine/net/asio_fwd.hpp"
#include "fs/filesystem.hpp"

namespace btfs::cli {

/// Opened as a program opens a file of the mount, with the same readahead; closed by the destructor, which
/// ends what it wants of the swarm. Used on one strand.
class ContentReads {
  public:
    /// `reader` is shown in the mount's status.
    static Result<std::unique_ptr<ContentReads>> open(Filesystem& files, NodeId node,
                                                      const RemoteReader& reader);
    ~ContentReads();
    ContentReads(const ContentReads&) = delete;
    ContentReads& operator=(const ContentReads&) = delete;

    /// Reads a range of the file, of at most kMaxRead bytes; waits until all of it is there and verified. The
    /// bytes are valid until the next call. Errc::cancelled after abandon().
    net::Awaitable<Result<std::span<const char>>> read(ByteRange range);
    /// The reader has gone: a read that waits ends, and later ones fail.
    void abandon();
    /// Leases the file on disk, if all of it is there; see ReadSide::lease().
    std::unique_ptr<DataLease> lease() const { return handle_.lease(); }
    /// Counts bytes that were sent from a leased file.
    void count_sent(std::uint64_t bytes) { files_.read_path().count_sent_file(bytes); }

    static constexpr std::uint64_t kMaxRead = 1 << 20;

  private:
    class Answer;
    class Reply;

    ContentReads(Filesystem& files, Handle& handle);

    Filesystem& files_;
    Handle& handle_;
    std::vector<char> bytes_;
    std::shared_ptr<Answer> waiting_;  ///< of the read that waits
    bool abandoned_ = false;
};

}  // namespace btfs::cli
