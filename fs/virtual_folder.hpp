// .btfs at the mount's root: files and folders that tell the state of the mount itself, and take commands.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fs/attributes.hpp"
#include "fs/drop_folder.hpp"
#include "fs/mount_commands.hpp"
#include "fs/taken_names.hpp"

namespace btfs {

class Handle;
class Processes;
struct Opening;

/// A file whose text is made each time it is looked up.
struct VirtualFile {
    std::string name;
    /// Called from any thread. May take a tenth of a second, but waits for neither network nor disk.
    std::function<std::string()> text;
};

/// A folder of folders that come and go, its members, each of which has the same files. All functions are
/// called as VirtualFile::text is.
struct VirtualMembers {
    struct File {
        std::string name;
        /// Nothing: the member has gone.
        std::function<std::optional<std::string>(const std::string& member)> text;
    };
    static constexpr std::size_t kMaxFiles = 8;

    std::string name;
    std::function<std::vector<std::string>()> list;
    /// Does not look at all members.
    std::function<bool(const std::string& member)> has;
    std::vector<File> files;  ///< at most kMaxFiles
};

/// The folder, its files, and perhaps a folder of members; not there at all without files. No listing of the
/// root shows it, so that walks over the mount see nothing but torrents.
///
/// A lookup makes a snapshot of the file's text, with a NodeId of its own, unless the text is as it was last.
/// stat of a NodeId and reads of it see the same snapshot, so that its size is true,
/// to programs that trust it, too. All snapshots of a file have one inode number. A listing makes no text.
///
/// With commands there are a folder `add` with a file `link`, and a file `remove` in each member.
/// From any thread.
class VirtualFolder {
  public:
    static constexpr std::string_view kName = ".btfs";
    static constexpr NodeId kNode = kRootNode + 1;
    static constexpr NodeId kMembersNode = kNode + 1;
    static constexpr NodeId kAddNode = kNode + 2;
    static constexpr NodeId kLinkNode = kNode + 3;
    static constexpr std::string_view kAdd = "add", kLink = "link", kRemove = "remove";
    /// The folders of members, numbered in the order in which they were first looked up or listed.
    static constexpr NodeId kFirstMember = 256;
    static constexpr std::size_t kMaxMembers = 130'000;
    /// The files `remove`, by the numbers of their members, and those in the folder `add`.
    static constexpr NodeId kFirstRemove = NodeId{1} << 24, kEndRemove = kFirstRemove + kMaxMembers;
    static constexpr NodeId kFirstDrop = NodeId{1} << 28;
    /// Snapshots: the file's number, and below it kSnapshotBits that tell snapshots of one file apart.
    static constexpr NodeId kFirstSnapshot = NodeId{1} << 31;
    static constexpr unsigned kSnapshotBits = 11;

    /// Snapshots that are kept: so many, of so many bytes, without those that are open. A NodeId whose
    /// snapshot was dropped gets a new one when it is asked for.
    static constexpr std::size_t kMaxKept = 256;
    static constexpr std::size_t kMaxKeptBytes = 16 << 20;

    struct Snapshot {
        NodeId node;
        std::string text;
        std::int64_t made;  ///< seconds since 1970
    };
    struct Entry {
        std::string name;
        Attributes attributes;  ///< of a file: without a node, and without its size
    };

    /// `commands` outlives this; null: there are none.
    explicit VirtualFolder(std::vector<VirtualFile> files, std::optional<VirtualMembers> members = {},
                           MountCommands* commands = nullptr, DropFolder::Now now = Clock::now)
        : files_(std::move(files)),
          members_(std::move(members)),
          commands_(commands),
          taken_(std::make_shared<TakenNames>(now)),
          drops_(kFirstDrop, kFirstSnapshot, std::move(now)) {}

    /// True for the nodes that a VirtualFolder may have.
    static constexpr bool may_have(NodeId node) { return node >= kNode && node >> 32 == 0; }

    bool is_there() const { return !files_.empty(); }
    bool takes_commands() const { return commands_ != nullptr; }

    /// Nothing for a node that is not its own, or has gone.
    std::optional<Attributes> attributes(NodeId node) const;
    /// The folder that a node of its own stands in.
    NodeId parent(NodeId node) const;
    /// Of the file as it is now, or of a folder; nothing if there is none of that name.
    std::optional<Attributes> look_up(std::string_view name, NodeId folder = kNode) const;
    /// Returns the entries of a folder; none for a file.
    std::vector<Entry> list(NodeId folder) const;
    /// The snapshot is kept until the caller has dropped it. Null for folders, and for all that is not its
    /// own.
    std::shared_ptr<const Snapshot> open(NodeId node) const;

    /// Opens a file that takes commands; null for other nodes, and if there is none any more.
    std::unique_ptr<Handle> open_command(NodeId node, const Opening& opening,
                                         const Processes& processes) const;
    /// Makes a file in the folder `add`: bad_name, if no file of that name is taken, and what
    /// DropFolder::create() says.
    Result<std::shared_ptr<DroppedFile>> create(std::string_view name);
    /// Returns the file of that name in `add` that `process` has written and that was taken since. See
    /// TakenNames.
    std::optional<Attributes> look_up_taken(std::string_view name, pid_t process) const;
    /// Takes a temporary file in `add` as `new_name`, which `process` gives it. read_only for other files.
    void rename(std::string_view name, std::string_view new_name, pid_t process, CommandDone done);
    /// Removes a temporary file of `add`, or the name that `process` knows of one that was taken. read_only
    /// for other files.
    Error unlink(std::string_view name, pid_t process);
    Attributes attributes_of(const DroppedFile& file) const;
    /// Changes the size of a file in `add`, removed if it was taken; that of other nodes stays 0, and
    /// bad_size is the answer to any other.
    Error resize(NodeId node, std::uint64_t size) const;
    /// True for files `remove`.
    static constexpr bool is_remove(NodeId node) { return node >= kFirstRemove && node < kEndRemove; }
    /// True for nodes of files in `add`, of those that have gone, too.
    bool is_of_dropped_file(NodeId node) const { return commands_ != nullptr && drops_.may_have(node); }
    /// Bytes that may be written to files in `add`.
    std::size_t room() const { return commands_ != nullptr ? drops_.room() : 0; }

  private:
    /// A file: of the folder itself, or of a member.
    struct File {
        std::uint32_t number = 0;
        const VirtualFile* own = nullptr;
        const VirtualMembers::File* of_member = nullptr;
        std::string member = {};

        std::optional<std::string> text() const;
    };

    std::optional<File> file(std::uint32_t number) const;
    std::optional<std::string> member(NodeId folder) const;
    /// Nothing if there are too many.
    std::optional<NodeId> node_of(const std::string& member) const;
    Attributes attributes_of_folder(NodeId node) const;
    Attributes attributes_of_file(std::uint32_t number) const;
    Attributes attributes_of_command(NodeId node) const;
    std::uint32_t generation_of(NodeId member) const;
    NodeId remove_node_of(NodeId member) const { return kFirstRemove + (member - kFirstMember); }
    std::optional<std::string> member_of_remove(NodeId node) const;
    Attributes attributes_of(const Snapshot& snapshot) const;
    Attributes attributes_of(const TakenNames::Name& taken) const;
    std::optional<Attributes> make(const File& file) const;
    std::shared_ptr<const Snapshot> find(NodeId node) const;
    std::shared_ptr<const Snapshot> keep(std::uint32_t file, std::string text) const;

    const std::vector<VirtualFile> files_;
    const std::optional<VirtualMembers> members_;
    MountCommands* const commands_;
    /// Of files that are this mount's alone.
    const std::uint32_t own_generation_ = std::random_device()();
    const std::shared_ptr<TakenNames> taken_;  ///< commands under way share it
    DropFolder drops_;
    mutable std::mutex mutex_;                                       // guards what follows
    mutable std::deque<std::shared_ptr<const Snapshot>> snapshots_;  ///< the newest last
    mutable std::size_t bytes_ = 0;
    mutable std::uint32_t last_number_ = 0;
    mutable std::deque<std::string> numbered_;  ///< the members, by their numbers; those that have gone stay
    mutable std::unordered_map<std::string, std::uint32_t> numbers_;
};

}  // namespace btfs
