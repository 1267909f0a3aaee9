// Names of a torrent's files and folders, made safe for a file system and distinct, the same way each time.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/core/file_name.hpp"

namespace btfs {

/// Folders inside each other. Deeper names are folded into one.
inline constexpr std::size_t kMaxFolderDepth = 128;

/// One name as a file system can show it: valid UTF-8 of 1 to 255 bytes, no '/', no control character (C0,
/// C1, bidirectional), not "." or "..". A name that is all this already stays as it is; else '_' replaces
/// each character that cannot stay. A long name keeps its extension and gets a number that depends on all of
/// it.
std::string safe_name(std::string_view raw);

/// Why a name is not safe.
enum class NameFault : std::uint8_t {
    none,
    reserved,  ///< empty, "." or ".."
    too_long,  ///< more than kMaxNameSize bytes
    not_utf8,
    slash,
    control,                ///< C0, DEL, C1, or a separator of lines or paragraphs
    bidirectional_control,  ///< see is_bidirectional_control()
};
/// Returns the first fault of a name.
NameFault fault_of(std::string_view name);
inline bool is_safe_name(std::string_view name) {
    return fault_of(name) == NameFault::none;
}

/// The same name with " (number)" before its extension, 255 bytes at most.
std::string numbered_name(std::string_view name, std::uint64_t number);

/// Gives each file of one torrent a path of its own. Knows the folders and names given so far: the second
/// file of a name (a duplicate, a file where a folder is, a name that became equal when it was made safe)
/// gets " (2)" and so on. The paths depend only on the names and their order. Time and memory are linear in
/// the size of the names.
class SafePaths {
  public:
    using Names = std::span<const std::string_view>;

    /// Paths begin with `root_folder`, a safe name, or with nothing if it is empty.
    SafePaths(std::string_view root_folder, std::size_t expected_files);

    /// The path of the next file: its folders and its own name, at least one. The memory that the names
    /// lie in stays valid as long as this object.
    std::string add(Names names);

    /// The path that was given to these names, to the folder if there is a file of that name too. If there is
    /// none: the path they would have if they were alone.
    std::string find(Names names) const;
    /// True if a file or folder was given these names. True for no names: the root folder.
    bool contains(Names names) const;

  private:
    using FolderId = std::uint32_t;
    struct NameInFolder {
        FolderId folder;
        std::string_view name;
        bool operator==(const NameInFolder&) const = default;
    };
    struct Hash {
        std::size_t operator()(const NameInFolder& key) const noexcept {
            return std::hash<std::string_view>{}(key.name) ^ (key.folder + 1) * 0x9e3779b97f4a7c15ULL;
        }
    };
    struct Folder {
        FolderId parent;
        std::string_view name;
    };
    struct Step {
        std::string_view raw;
        FolderId folder;
    };
    template <class V>
    using Map = std::pmr::unordered_map<NameInFolder, V, Hash>;
    using Set = std::pmr::unordered_set<NameInFolder, Hash>;

    FolderId enter(FolderId parent, std::string_view raw);
    std::string_view claim(FolderId folder, std::string_view raw);
    std::string_view keep(std::string_view text);
    std::string path_of(FolderId folder) const;

    std::pmr::monotonic_buffer_resource memory_;
    std::string prefix_;  ///< the root folder and '/', or nothing
    std::vector<Folder> folders_;
    Map<FolderId> folder_of_;         ///< by the raw name
    Map<std::string_view> renamed_;   ///< raw to given name of files that could not keep theirs
    Set names_;                       ///< every name given
    Map<std::uint64_t> next_number_;  ///< for numbered_name()
    std::vector<Step> last_steps_;    ///< the folders of the last file: the next one is often there too
    FolderId last_folder_ = 0;
    std::string last_path_;  ///< of last_folder_
};

}  // namespace btfs
