#include "engine/metainfo/safe_path.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "engine/core/file_name.hpp"
#include "engine/core/hash.hpp"
#include "engine/metainfo/utf8.hpp"

namespace btfs {
namespace {

constexpr std::size_t kMaxNumberSize = 23;  // bytes of "(18446744073709551615)", and one more

bool cannot_stay(std::string_view character) {
    return character == "/" || is_control_character(character);
}

// Joins the names below kMaxFolderDepth into one name, which `storage` owns.
std::vector<std::string_view> folded(SafePaths::Names names, std::string& storage) {
    for (std::string_view name : names.subspan(kMaxFolderDepth)) {
        if (!storage.empty()) storage += '_';
        storage += name;
    }
    std::vector<std::string_view> out(names.begin(), names.begin() + kMaxFolderDepth);
    out.push_back(storage);
    return out;
}

}  // namespace

NameFault fault_of(std::string_view name) {
    if (name.empty() || name == "." || name == "..") return NameFault::reserved;
    if (name.size() > kMaxNameSize) return NameFault::too_long;
    while (!name.empty()) {
        const std::size_t size = utf8_character_size(name);
        if (size == 0) return NameFault::not_utf8;
        const std::string_view character = name.substr(0, size);
        if (cannot_stay(character)) {
            if (character == "/") return NameFault::slash;
            return is_bidirectional_control(character) ? NameFault::bidirectional_control
                                                       : NameFault::control;
        }
        name.remove_prefix(size);
    }
    return NameFault::none;
}

std::string safe_name(std::string_view raw) {
    if (raw.empty() || raw == ".") return "_";
    if (raw == "..") return "__";
    const std::string valid = to_valid_utf8(raw);
    std::string name;
    for (std::string_view rest = valid; !rest.empty();) {
        const std::string_view character = rest.substr(0, utf8_character_size(rest));
        name += cannot_stay(character) ? "_" : character;
        rest.remove_prefix(character.size());
    }
    if (name.size() <= kMaxNameSize) return name;
    const std::string tag = '~' + sha1(as_bytes(raw)).hex().substr(0, 8);
    const std::string_view extension = extension_of(name);
    const std::string_view stem = utf8_prefix(name, kMaxNameSize - tag.size() - extension.size());
    return std::string(stem) + tag + std::string(extension);
}

std::string numbered_name(std::string_view name, std::uint64_t number) {
    return with_tag(name, '(' + std::to_string(number) + ')', kMaxNumberSize);
}

SafePaths::SafePaths(std::string_view root_folder, std::size_t expected_files)
    : folder_of_(&memory_),
      renamed_(&memory_),
      names_(expected_files, Hash{}, std::equal_to<NameInFolder>{}, &memory_),
      next_number_(&memory_) {
    assert(root_folder.empty() || is_safe_name(root_folder));
    if (!root_folder.empty()) prefix_ = std::string(root_folder) + '/';
    folders_.push_back({0, {}});
    last_path_ = prefix_;
}

std::string SafePaths::add(Names names) {
    assert(!names.empty());
    std::string storage;
    std::vector<std::string_view> replacement;
    if (names.size() > kMaxFolderDepth + 1) {
        replacement = folded(names, storage);
        replacement.back() = keep(replacement.back());
        names = replacement;
    }
    FolderId folder = 0;
    const std::size_t depth = names.size() - 1;
    std::size_t same = 0;
    while (same < depth && same < last_steps_.size() && last_steps_[same].raw == names[same]) ++same;
    last_steps_.resize(same);
    if (same > 0) folder = last_steps_.back().folder;
    for (std::size_t i = same; i < depth; ++i) {
        folder = enter(folder, names[i]);
        last_steps_.push_back({names[i], folder});
    }
    const std::string_view name = claim(folder, names.back());
    if (name != names.back()) renamed_.try_emplace({folder, names.back()}, name);
    if (folder != last_folder_) {
        last_folder_ = folder;
        last_path_ = path_of(folder);
    }
    std::string path;
    path.reserve(last_path_.size() + name.size());
    return path.append(last_path_).append(name);
}

std::string SafePaths::find(Names names) const {
    std::string storage;
    std::vector<std::string_view> replacement;
    if (names.size() > kMaxFolderDepth + 1) names = replacement = folded(names, storage);
    FolderId folder = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const NameInFolder key{folder, names[i]};
        const bool last = i + 1 == names.size();
        if (last && !folder_of_.contains(key)) {
            auto renamed = renamed_.find(key);
            return path_of(folder) +
                   (renamed == renamed_.end() ? safe_name(names[i]) : std::string(renamed->second));
        }
        auto found = folder_of_.find(key);
        if (found == folder_of_.end()) {  // no file of the torrent is in this folder
            std::string path = path_of(folder);
            for (; i < names.size(); ++i) path += safe_name(names[i]) + (i + 1 < names.size() ? "/" : "");
            return path;
        }
        folder = found->second;
    }
    std::string path = path_of(folder);
    if (!path.empty()) path.pop_back();
    return path;
}

bool SafePaths::contains(Names names) const {
    if (names.size() > kMaxFolderDepth + 1) return false;
    FolderId folder = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const NameInFolder key{folder, names[i]};
        const auto found = folder_of_.find(key);
        if (found == folder_of_.end())
            return i + 1 == names.size() &&
                   (renamed_.contains(key) || (is_safe_name(names[i]) && names_.contains(key)));
        folder = found->second;
    }
    return true;
}

SafePaths::FolderId SafePaths::enter(FolderId parent, std::string_view raw) {
    auto [found, added] = folder_of_.try_emplace({parent, raw}, static_cast<FolderId>(folders_.size()));
    if (added) folders_.push_back({parent, claim(parent, raw)});
    return found->second;
}

// Returns `raw` itself if it is safe and free, else a name made from it. The counter of each name is kept and
// each failed try meets a name given before, so that all tries together take linear time.
std::string_view SafePaths::claim(FolderId folder, std::string_view raw) {
    const std::string_view name = is_safe_name(raw) ? raw : keep(safe_name(raw));
    if (names_.insert({folder, name}).second) return name;
    const std::string group = with_tag(name, {}, kMaxNumberSize);
    auto counter = next_number_.find({folder, group});
    if (counter == next_number_.end())
        counter = next_number_.emplace(NameInFolder{folder, keep(group)}, 2).first;
    for (;;) {
        const std::string candidate = numbered_name(name, counter->second++);
        if (names_.contains({folder, candidate})) continue;
        const std::string_view kept = keep(candidate);
        names_.insert({folder, kept});
        return kept;
    }
}

std::string_view SafePaths::keep(std::string_view text) {
    char* memory = static_cast<char*>(memory_.allocate(std::max<std::size_t>(text.size(), 1), 1));
    std::memcpy(memory, text.data(), text.size());
    return {memory, text.size()};
}

std::string SafePaths::path_of(FolderId folder) const {
    std::vector<std::string_view> names;
    for (; folder != 0; folder = folders_[folder].parent) names.push_back(folders_[folder].name);
    std::string path = prefix_;
    for (auto name = names.rbegin(); name != names.rend(); ++name) path.append(*name).append("/");
    return path;
}

}  // namespace btfs
