#include "cache/adopted/data_folders.hpp"

#include <string_view>
#include <utility>

#include "cache/disk/linux_files.hpp"

namespace btfs {
namespace {

/// Beside what aria2 has not finished; its files have their final names and, as a rule, their final sizes.
constexpr std::string_view kControlSuffix = ".aria2";

/// Returns where each file lies. `skipped`: characters of the torrent's paths that are left out.
std::vector<std::string> names_of(const FileList& files, std::size_t skipped) {
    std::vector<std::string> names;
    names.reserve(files.size());
    for (const FileEntry& file : files)
        names.push_back(file.pad || file.is_symlink() ? std::string() : file.path.substr(skipped));
    return names;
}

}  // namespace

Error DataFolders::add(const std::filesystem::path& folder) {
    auto files = LinuxFiles::open_folder(folder);
    if (!files) return files.error();
    std::filesystem::path plain = std::filesystem::absolute(folder).lexically_normal();
    if (!plain.has_filename()) plain = plain.parent_path();
    folders_.push_back({std::shared_ptr<Files>(std::move(*files)), plain += kControlSuffix});
    return {};
}

std::unique_ptr<AdoptedFiles> DataFolders::find(const std::string& name, const FileList& files,
                                                const Layout& layout) const {
    const std::string prefix = name + "/";
    const bool many = !files.empty() && files.front().path.starts_with(prefix);
    for (const Folder& folder : folders_) {
        const bool is_the_torrents = many && !folder.files->status(name);
        std::error_code ignored;
        const bool unfinished = is_the_torrents
                                    ? std::filesystem::exists(folder.control_file, ignored)
                                    : bool(folder.files->status(name + std::string(kControlSuffix)));
        auto found = AdoptedFiles::find({folder.files, unfinished}, layout,
                                        names_of(files, is_the_torrents ? prefix.size() : 0));
        if (found) return found;
    }
    return nullptr;
}

}  // namespace btfs
