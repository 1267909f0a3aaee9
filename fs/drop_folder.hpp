// Files that programs write in .btfs/add, in memory until they are taken.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
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
#include "fs/attributes.hpp"

namespace btfs {

/// A file that a program writes. Its bytes count against `held`, the bytes of all of them, until it is
/// destroyed. From any thread.
class DroppedFile {
  public:
    struct Bounds {
        std::size_t file;  ///< bytes of this one
        std::size_t all;   ///< bytes of all together
    };

    DroppedFile(NodeId node, std::string name, Bounds bounds, std::shared_ptr<std::atomic<std::size_t>> held)
        : node_(node), name_(std::move(name)), bounds_(bounds), held_(std::move(held)) {}
    ~DroppedFile() { *held_ -= content_.size(); }
    DroppedFile(const DroppedFile&) = delete;
    DroppedFile& operator=(const DroppedFile&) = delete;

    NodeId node() const { return node_; }
    const std::string& name() const { return name_; }
    std::int64_t made() const { return made_; }
    std::size_t size() const;
    /// Returns a part of the content, cut to what is there.
    Bytes read(std::uint64_t begin, std::size_t size) const;
    /// Writes anywhere; a gap before it is zeros. too_large, no_space past the bounds; busy while the content
    /// is being taken.
    Error write(std::uint64_t begin, ByteView bytes);
    Error resize(std::uint64_t size);

    /// Begins to take what has been written: it stays as it is until taken(). False if nothing was written
    /// since the last time, or it is being taken.
    bool begin_taking();
    void taken();
    /// The content, between begin_taking() and taken().
    const Bytes& content() const { return content_; }
    /// Forgets what was written: nothing of it is to be taken.
    void discard();

    /// True until the file's name leads to it no more.
    bool is_listed() const { return listed_; }
    void unlist() { listed_ = false; }

  private:
    Error make_room(std::uint64_t size);  // mutex_ is held

    const NodeId node_;
    const std::string name_;
    const Bounds bounds_;
    const std::int64_t made_ = std::time(nullptr);  ///< seconds since 1970
    const std::shared_ptr<std::atomic<std::size_t>> held_;
    std::atomic<bool> listed_{true};

    mutable std::mutex mutex_;
    Bytes content_;                // guarded by mutex_; constant while is_being_taken_
    bool is_written_ = false;      // guarded by mutex_: since the last begin_taking()
    bool is_being_taken_ = false;  // guarded by mutex_
};

/// The files of the folder: each is there as long as somebody holds it, and listed until it is taken. NodeIds
/// are given once. From any thread.
class DropFolder {
  public:
    static constexpr std::size_t kMaxFiles = 256;
    /// Bytes of all files: two of the largest torrent files.
    static constexpr std::size_t kMaxBytes = 128 << 20;

    /// NodeIds come from [first, end).
    DropFolder(NodeId first, NodeId end) : next_(first), end_(end) {}

    /// exists, if the name is listed; no_space, if there are too many. `max_size` is a bound of its bytes.
    Result<std::shared_ptr<DroppedFile>> create(std::string_view name, std::size_t max_size);
    /// Null if it has gone.
    std::shared_ptr<DroppedFile> find(NodeId node) const;
    /// Null if no such name is listed.
    std::shared_ptr<DroppedFile> find(std::string_view name) const;
    /// Those that are listed, sorted by their names.
    std::vector<std::shared_ptr<DroppedFile>> list() const;

  private:
    const std::shared_ptr<std::atomic<std::size_t>> held_ = std::make_shared<std::atomic<std::size_t>>(0);
    mutable std::mutex mutex_;  // guards what follows
    std::map<NodeId, std::weak_ptr<DroppedFile>>
        files_;  ///< those that have gone stay until the next create()
    NodeId next_;
    const NodeId end_;
};

}  // namespace btfs
