#include "fs/virtual_folder.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

#include "fs/command_handle.hpp"
#include "fs/errno_map.hpp"

namespace btfs {
namespace {

// Files are numbered: those of the folder itself come first, then kMaxFiles for each member.
constexpr std::uint32_t kOwnFiles = 64;
constexpr NodeId kSnapshotMask = (NodeId{1} << VirtualFolder::kSnapshotBits) - 1;

static_assert(VirtualFolder::kFirstMember + VirtualFolder::kMaxMembers <= VirtualFolder::kFirstRemove &&
              VirtualFolder::kEndRemove <= VirtualFolder::kFirstDrop);
static_assert(kOwnFiles + VirtualFolder::kMaxMembers * VirtualMembers::kMaxFiles <
              std::size_t{1} << (31 - VirtualFolder::kSnapshotBits));

bool is_snapshot(NodeId node) {
    return node >= VirtualFolder::kFirstSnapshot && node >> 32 == 0;
}

std::uint32_t file_of(NodeId snapshot) {
    return static_cast<std::uint32_t>((snapshot - VirtualFolder::kFirstSnapshot) >>
                                      VirtualFolder::kSnapshotBits);
}

/// FNV-1a: the same in each mount.
std::uint32_t hash_of(std::string_view text) {
    std::uint32_t hash = 2'166'136'261;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619;
    return hash;
}

/// Also the inode number of all snapshots of the file.
NodeId first_node_of(std::uint32_t file) {
    return VirtualFolder::kFirstSnapshot + (NodeId{file} << VirtualFolder::kSnapshotBits);
}

}  // namespace

std::optional<std::string> VirtualFolder::File::text() const {
    return own ? own->text() : of_member->text(member);
}

std::optional<VirtualFolder::File> VirtualFolder::file(std::uint32_t number) const {
    if (number < files_.size()) return File{.number = number, .own = &files_[number]};
    if (number < kOwnFiles) return std::nullopt;
    const std::uint32_t index = (number - kOwnFiles) / VirtualMembers::kMaxFiles;
    const std::uint32_t which = (number - kOwnFiles) % VirtualMembers::kMaxFiles;
    auto its_member = member(kFirstMember + index);
    if (!its_member || which >= members_->files.size()) return std::nullopt;
    return File{.number = number, .of_member = &members_->files[which], .member = std::move(*its_member)};
}

/// Returns the name of the member whose folder that is; nothing if it has gone.
std::optional<std::string> VirtualFolder::member(NodeId folder) const {
    if (!members_ || folder < kFirstMember || folder >= kFirstSnapshot) return std::nullopt;
    std::optional<std::string> name;
    {
        std::lock_guard lock(mutex_);
        if (folder - kFirstMember < numbered_.size()) name = numbered_[folder - kFirstMember];
    }
    return name && members_->has(*name) ? name : std::nullopt;
}

std::optional<NodeId> VirtualFolder::node_of(const std::string& member) const {
    std::lock_guard lock(mutex_);
    if (const auto found = numbers_.find(member); found != numbers_.end())
        return kFirstMember + found->second;
    if (numbered_.size() == kMaxMembers) return std::nullopt;
    const auto number = static_cast<std::uint32_t>(numbered_.size());
    numbered_.push_back(member);
    numbers_.emplace(member, number);
    return kFirstMember + number;
}

/// Returns the generation of a member's folder and of the files in it, since members are numbered in another
/// order by each mount. 0 for other nodes.
std::uint32_t VirtualFolder::generation_of(NodeId member) const {
    std::lock_guard lock(mutex_);
    return member >= kFirstMember && member - kFirstMember < numbered_.size()
               ? hash_of(numbered_[member - kFirstMember])
               : 0;
}

// ---- attributes ----

Attributes VirtualFolder::attributes_of_folder(NodeId node) const {
    const unsigned folders = node == kNode ? (members_ ? 1U : 0U) + (commands_ != nullptr ? 1U : 0U) : 0U;
    return {.node = node,
            .inode = node,
            .generation = generation_of(node),
            .kind = NodeKind::directory,
            .executable = false,
            .size = 0,
            // 1 says that the folders in it are not counted.
            .links = node == kMembersNode ? 1U : 2U + folders,
            .modified = std::time(nullptr),
            .validity = Validity::momentary,
            .takes_commands = node == kAddNode};
}

/// Of the file `link`, or a file `remove`.
Attributes VirtualFolder::attributes_of_command(NodeId node) const {
    return {
        .node = node,
        .inode = node,
        .generation = is_remove(node) ? generation_of(kFirstMember + (node - kFirstRemove)) : own_generation_,
        .kind = NodeKind::file,
        .executable = false,
        .size = 0,
        .links = 1,
        .modified = std::time(nullptr),
        .validity = Validity::momentary,
        .takes_commands = true};
}

Attributes VirtualFolder::attributes_of(const DroppedFile& file) const {
    Attributes attributes = attributes_of_command(file.node());
    attributes.size = file.size();
    attributes.modified = file.made();
    attributes.is_private = true;
    return attributes;
}

Attributes VirtualFolder::attributes_of(const TakenNames::Name& taken) const {
    Attributes attributes = attributes_of_command(taken.node);
    attributes.size = taken.size;
    attributes.modified = taken.made;
    attributes.is_private = true;
    return attributes;
}

/// Returns the name of the member whose file `remove` that is; nothing if it has gone, or is none.
std::optional<std::string> VirtualFolder::member_of_remove(NodeId node) const {
    if (commands_ == nullptr || !is_remove(node)) return std::nullopt;
    return member(kFirstMember + (node - kFirstRemove));
}

Attributes VirtualFolder::attributes_of_file(std::uint32_t number) const {
    return {.node = 0,
            .inode = first_node_of(number),
            .generation = number < kOwnFiles ? 0
                                             : generation_of(kFirstMember + (number - kOwnFiles) /
                                                                                VirtualMembers::kMaxFiles),
            .kind = NodeKind::file,
            .executable = false,
            .size = 0,
            .links = 1,
            .modified = 0,
            .validity = Validity::momentary};
}

Attributes VirtualFolder::attributes_of(const Snapshot& snapshot) const {
    Attributes attributes = attributes_of_file(file_of(snapshot.node));
    attributes.node = snapshot.node;
    attributes.size = snapshot.text.size();
    attributes.modified = snapshot.made;
    return attributes;
}

std::optional<Attributes> VirtualFolder::attributes(NodeId node) const {
    if (!is_there()) return std::nullopt;
    if (is_snapshot(node)) {
        const auto snapshot = open(node);
        return snapshot ? std::optional(attributes_of(*snapshot)) : std::nullopt;
    }
    if (node == kNode || (node == kMembersNode && members_) || (node == kAddNode && commands_) ||
        member(node))
        return attributes_of_folder(node);
    if ((node == kLinkNode && commands_) || member_of_remove(node)) return attributes_of_command(node);
    if (const auto dropped = drops_.find(node)) return attributes_of(*dropped);
    if (const auto taken = taken_->find(node)) return attributes_of(*taken);
    return std::nullopt;
}

NodeId VirtualFolder::parent(NodeId node) const {
    if (node == kNode) return kRootNode;
    if (node == kMembersNode || node == kAddNode) return kNode;
    if (node == kLinkNode || (node >= kFirstDrop && !is_snapshot(node))) return kAddNode;
    if (is_remove(node)) return kFirstMember + (node - kFirstRemove);
    if (!is_snapshot(node)) return kMembersNode;
    const std::uint32_t number = file_of(node);
    return number < kOwnFiles ? kNode : kFirstMember + (number - kOwnFiles) / VirtualMembers::kMaxFiles;
}

// ---- names ----

std::optional<Attributes> VirtualFolder::look_up(std::string_view name, NodeId folder) const {
    if (folder == kNode) {
        if (members_ && name == members_->name) return attributes_of_folder(kMembersNode);
        if (commands_ && name == kAdd) return attributes_of_folder(kAddNode);
        const auto found = std::ranges::find(files_, name, &VirtualFile::name);
        if (found == files_.end()) return std::nullopt;
        return make({.number = static_cast<std::uint32_t>(found - files_.begin()), .own = &*found});
    }
    if (folder == kAddNode && commands_) {
        if (name == kLink) return attributes_of_command(kLinkNode);
        const auto dropped = drops_.find(name);
        return dropped ? std::optional(attributes_of(*dropped)) : std::nullopt;
    }
    if (!members_) return std::nullopt;
    if (folder == kMembersNode) {
        const std::string its_name(name);
        const auto node = members_->has(its_name) ? node_of(its_name) : std::nullopt;
        return node ? std::optional(attributes_of_folder(*node)) : std::nullopt;
    }
    auto its_member = member(folder);
    if (its_member && commands_ && name == kRemove) return attributes_of_command(remove_node_of(folder));
    const auto found = std::ranges::find(members_->files, name, &VirtualMembers::File::name);
    if (!its_member || found == members_->files.end()) return std::nullopt;
    return make({.number = static_cast<std::uint32_t>(kOwnFiles +
                                                      (folder - kFirstMember) * VirtualMembers::kMaxFiles +
                                                      static_cast<NodeId>(found - members_->files.begin())),
                 .of_member = &*found,
                 .member = std::move(*its_member)});
}

std::vector<VirtualFolder::Entry> VirtualFolder::list(NodeId folder) const {
    std::vector<Entry> entries;
    if (folder == kNode) {
        for (std::uint32_t i = 0; i < files_.size(); ++i)
            entries.push_back({files_[i].name, attributes_of_file(i)});
        if (members_) entries.push_back({members_->name, attributes_of_folder(kMembersNode)});
        if (commands_) entries.push_back({std::string(kAdd), attributes_of_folder(kAddNode)});
    } else if (folder == kAddNode && commands_) {
        entries.push_back({std::string(kLink), attributes_of_command(kLinkNode)});
        for (const auto& dropped : drops_.list())
            entries.push_back({dropped->name(), attributes_of(*dropped)});
    } else if (folder == kMembersNode && members_) {
        std::vector<std::string> names = members_->list();
        std::ranges::sort(names);
        for (std::string& name : names)
            if (const auto node = node_of(name))
                entries.push_back({std::move(name), attributes_of_folder(*node)});
    } else if (member(folder)) {
        const auto first =
            static_cast<std::uint32_t>(kOwnFiles + (folder - kFirstMember) * VirtualMembers::kMaxFiles);
        for (std::uint32_t i = 0; i < members_->files.size(); ++i)
            entries.push_back({members_->files[i].name, attributes_of_file(first + i)});
        if (commands_)
            entries.push_back({std::string(kRemove), attributes_of_command(remove_node_of(folder))});
    }
    return entries;
}

// ---- commands ----

std::unique_ptr<Handle> VirtualFolder::open_command(NodeId node, const Opening& opening,
                                                    const Processes& processes) const {
    if (commands_ == nullptr) return nullptr;
    if (node == kLinkNode) return std::make_unique<LinkHandle>(*commands_, processes);
    if (auto its_member = member_of_remove(node))
        return std::make_unique<RemoveHandle>(std::move(*its_member), opening.truncates, *commands_,
                                              processes);
    auto dropped = drops_.find(node);
    if (!dropped) {
        if (!opening.for_writing && taken_->find(node))
            return std::make_unique<TakenHandle>(*commands_, processes);
        taken_->forget(node);  // so that the program makes a new file
        return nullptr;
    }
    return std::make_unique<DropHandle>(std::move(dropped), opening.for_writing, taken_, *commands_,
                                        processes);
}

Result<std::shared_ptr<DroppedFile>> VirtualFolder::create(std::string_view name) {
    if (commands_ == nullptr) return fs_error::read_only();
    if (name == kLink) return fs_error::exists();
    if (commands_->takes(name)) return drops_.create(name, commands_->max_file_size(name));
    const std::string_view later = name_behind_temporary(name);
    if (!commands_->takes(later)) return fs_error::bad_name();
    return drops_.create(name, commands_->max_file_size(later), DropFolder::Kind::temporary);
}

std::optional<Attributes> VirtualFolder::look_up_taken(std::string_view name, pid_t process) const {
    const auto taken = taken_->find(name, process);
    return taken ? std::optional(attributes_of(*taken)) : std::nullopt;
}

void VirtualFolder::rename(std::string_view name, std::string_view new_name, pid_t process,
                           CommandDone done) {
    if (commands_ == nullptr || name_behind_temporary(name).empty()) return done(fs_error::read_only());
    const auto file = drops_.find(name);
    if (!file) return done(fs_error::not_found());
    if (!commands_->takes(new_name)) return done(fs_error::bad_name());
    auto content = file->take_again();
    if (content->size() > commands_->max_file_size(new_name)) return done(fs_error::too_large());
    TakenNames::Name taken{file->node(), std::string(new_name), content->size(), file->made(), process};
    auto outcome = [names = taken_, taken = std::move(taken), file,
                    done = std::move(done)](const Error& error) {
        if (!error) {
            file->unlist();
            file->discard();
            names->add(taken);
        }
        done(error);
    };
    commands_->take(std::string(new_name), std::move(content), std::move(outcome));
}

Error VirtualFolder::unlink(std::string_view name, pid_t process) {
    if (commands_ == nullptr || name == kLink) return fs_error::read_only();
    if (const auto file = drops_.find(name)) {
        if (name_behind_temporary(name).empty()) return fs_error::read_only();
        file->unlist();
        file->discard();
        return {};
    }
    const auto taken = taken_->find(name, process);
    if (!taken) return fs_error::not_found();
    taken_->forget(taken->node);
    return {};
}

Error VirtualFolder::resize(NodeId node, std::uint64_t size) const {
    if (const auto dropped = drops_.find(node)) return dropped->resize(size);
    const auto taken = taken_->find(node);
    if (taken) return taken->size == size ? Error{} : fs_error::removed();
    return size == 0 ? Error{} : fs_error::bad_size();
}

// ---- snapshots ----

std::optional<Attributes> VirtualFolder::make(const File& file) const {
    auto text = file.text();
    if (!text) return std::nullopt;
    return attributes_of(*keep(file.number, std::move(*text)));
}

std::shared_ptr<const VirtualFolder::Snapshot> VirtualFolder::open(NodeId node) const {
    if (!is_snapshot(node)) return nullptr;
    {
        std::lock_guard lock(mutex_);
        if (auto kept = find(node)) return kept;
    }
    const auto its_file = file(file_of(node));
    auto text = its_file ? its_file->text() : std::nullopt;
    if (!text) return nullptr;
    Snapshot again{node, std::move(*text), std::time(nullptr)};
    std::lock_guard lock(mutex_);
    if (auto kept = find(node)) return kept;
    bytes_ += again.text.size();
    return snapshots_.emplace_front(std::make_shared<const Snapshot>(std::move(again)));
}

std::shared_ptr<const VirtualFolder::Snapshot> VirtualFolder::find(NodeId node) const {
    const auto found =
        std::ranges::find(snapshots_, node, [](const auto& snapshot) { return snapshot->node; });
    return found == snapshots_.end() ? nullptr : *found;
}

std::shared_ptr<const VirtualFolder::Snapshot> VirtualFolder::keep(std::uint32_t file,
                                                                   std::string text) const {
    std::lock_guard lock(mutex_);
    const auto last = std::find_if(snapshots_.rbegin(), snapshots_.rend(),
                                   [&](const auto& kept) { return file_of(kept->node) == file; });
    if (last != snapshots_.rend() && (*last)->text == text) return *last;
    NodeId node = 0;
    for (NodeId tries = 0; tries <= kSnapshotMask; ++tries) {
        node = first_node_of(file) + (++last_number_ & kSnapshotMask);
        if (!find(node)) break;
        node = 0;
    }
    if (node == 0) return *last;  // all numbers are of snapshots that are open: there is no newer one
    bytes_ += text.size();
    auto kept = snapshots_.emplace_back(
        std::make_shared<const Snapshot>(Snapshot{node, std::move(text), std::time(nullptr)}));
    std::size_t excess = snapshots_.size() - std::min(snapshots_.size(), kMaxKept);
    for (auto at = snapshots_.begin(); at + 1 < snapshots_.end() && (excess > 0 || bytes_ > kMaxKeptBytes);) {
        if (at->use_count() > 1) {  // open
            ++at;
            continue;
        }
        bytes_ -= (*at)->text.size();
        at = snapshots_.erase(at);
        if (excess > 0) --excess;
    }
    return kept;
}

}  // namespace btfs
