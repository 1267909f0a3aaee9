// Files that programs write in .btfs/add, in memory until they are taken.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "fs/attributes.hpp"
#include "fs/command_outcome.hpp"

namespace btfs {

/// A file that a program writes. Memory for its bytes counts against `held`, that of all files. From any
/// thread.
class DroppedFile {
  public:
    struct Bounds {
        std::size_t file;  ///< bytes of this one
        std::size_t all;   ///< bytes of all together
    };

    DroppedFile(NodeId node, std::string name, Bounds bounds, std::shared_ptr<std::atomic<std::size_t>> held)
        : node_(node), name_(std::move(name)), bounds_(bounds), held_(std::move(held)) {}
    DroppedFile(const DroppedFile&) = delete;
    DroppedFile& operator=(const DroppedFile&) = delete;

    NodeId node() const { return node_; }
    const std::string& name() const { return name_; }
    std::size_t max_size() const { return bounds_.file; }
    std::int64_t made() const { return made_; }
    std::size_t size() const;
    /// Returns a part of the content, cut to what is there.
    Bytes read(std::uint64_t begin, std::size_t size) const;
    /// Writes anywhere; a gap before it is zeros. too_large, no_space past the bounds. `writer` is the
    /// process; 0: it cannot be seen.
    Error write(std::uint64_t begin, ByteView bytes, pid_t writer);
    Error resize(std::uint64_t size);

    /// False if another process than this one was the last to write, or none was; true where that cannot be
    /// seen.
    bool may_have_written(pid_t process) const;
    /// True if somebody has written, whatever became of that.
    bool was_written() const;
    /// Returns the content, which stays as it is whatever is written from now on. Null if nothing was written
    /// since the last time.
    std::shared_ptr<const Bytes> begin_taking();
    /// As begin_taking(), also if nothing was written.
    std::shared_ptr<const Bytes> take_again();
    /// Empties the file: nothing of what was written is taken.
    void discard();
    /// Of the last time that the content was taken.
    CommandOutcome& outcome() { return *outcome_; }

    /// True until the file's name leads to it no more.
    bool is_listed() const { return listed_; }
    void unlist() { listed_ = false; }

  private:
    /// Bytes whose memory counts against `held` as long as it is kept.
    struct Content {
        explicit Content(std::shared_ptr<std::atomic<std::size_t>> of) : held(std::move(of)) {}
        ~Content() { *held -= counted; }
        Content(const Content&) = delete;
        Content& operator=(const Content&) = delete;

        const std::shared_ptr<std::atomic<std::size_t>> held;
        std::size_t counted = 0;  ///< capacity of `bytes`
        Bytes bytes = {};
    };

    // mutex_ is held:
    Error set_size(std::uint64_t size);
    std::shared_ptr<Content> allocate(std::size_t size, std::size_t at_best) const;
    std::shared_ptr<const Bytes> share();

    const NodeId node_;
    const std::string name_;
    const Bounds bounds_;
    const std::int64_t made_ = std::time(nullptr);  ///< seconds since 1970
    const std::shared_ptr<std::atomic<std::size_t>> held_;
    const std::shared_ptr<CommandOutcome> outcome_ = std::make_shared<CommandOutcome>();
    std::atomic<bool> listed_{true};

    mutable std::mutex mutex_;  // guards what follows
    /// Constant once it is shared with whoever takes it: a write copies it then.
    std::shared_ptr<Content> content_ = std::make_shared<Content>(held_);
    bool is_shared_ = false;
    bool is_written_ = false;  ///< since the last begin_taking()
    std::optional<pid_t> writer_;
};

/// Returns the name that rsync is about to give to a file that it writes as `name`: x.torrent for
/// .x.torrent.Ab12Cd. Empty for all other names.
std::string_view name_behind_temporary(std::string_view name);

/// The files of the folder: each is there as long as somebody holds it, and listed until it is taken. A
/// temporary file is there without that, until it is unlisted or was let alone for kTemporaryLifetime.
/// NodeIds are given once. From any thread.
class DropFolder {
  public:
    using Now = std::function<TimePoint()>;
    static constexpr std::chrono::seconds kTemporaryLifetime{60};
    static constexpr std::size_t kMaxFiles = 256;
    /// Bytes of all files: two of the largest torrent files.
    static constexpr std::size_t kMaxBytes = 128 << 20;

    /// NodeIds come from [first, end).
    DropFolder(NodeId first, NodeId end, Now now = Clock::now)
        : now_(std::move(now)), first_(first), next_(first), end_(end) {}

    enum class Kind : std::uint8_t { held, temporary };
    /// exists, if the name is listed; no_space, if there are too many. `max_size` is a bound of its bytes.
    Result<std::shared_ptr<DroppedFile>> create(std::string_view name, std::size_t max_size,
                                                Kind kind = Kind::held);
    /// True for the NodeIds of files, of those that have gone, too.
    bool may_have(NodeId node) const { return node >= first_ && node < end_; }
    /// Null if it has gone.
    std::shared_ptr<DroppedFile> find(NodeId node) const;
    /// Null if no such name is listed.
    std::shared_ptr<DroppedFile> find(std::string_view name) const;
    /// Those that are listed, sorted by their names.
    std::vector<std::shared_ptr<DroppedFile>> list() const;
    /// Bytes that may be written now.
    std::size_t room() const;

  private:
    struct Temporary {
        std::shared_ptr<DroppedFile> file;
        TimePoint used;  ///< when somebody was last seen to hold it
    };

    void drop_temporaries() const;

    const Now now_;
    const std::shared_ptr<std::atomic<std::size_t>> held_ = std::make_shared<std::atomic<std::size_t>>(0);
    const NodeId first_;
    mutable std::mutex mutex_;  // guards what follows
    mutable std::vector<Temporary> temporaries_;
    std::map<NodeId, std::weak_ptr<DroppedFile>>
        files_;  ///< those that have gone stay until the next create()
    NodeId next_;
    const NodeId end_;
};

}  // namespace btfs
