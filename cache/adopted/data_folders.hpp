// DataFolders: folders in which other clients have saved torrents.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cache/adopted/adopted_files.hpp"
#include "cache/disk/files.hpp"
#include "engine/core/error.hpp"
#include "engine/core/file_list.hpp"
#include "engine/core/layout.hpp"

namespace btfs {

/// Holds the folders open, and finds in them what there is of a torrent. Folders are added before the first
/// find(), which may be called from any thread and waits for the disk.
class DataFolders {
  public:
    /// A system error if the folder cannot be opened. Its path may lead through symbolic links.
    Error add(const std::filesystem::path& folder);

    /// The files of a torrent in the first folder that has one of them, below its name: FOLDER/NAME/PATH, as
    /// all clients save it, or FOLDER/NAME of a torrent of one file. Where FOLDER/NAME of a torrent of many
    /// files is not there, FOLDER itself may be the torrent's. Null if no folder has any. `name` and `files`
    /// are the metainfo's, in the order of `layout`.
    std::unique_ptr<AdoptedFiles> find(const std::string& name, const FileList& files,
                                       const Layout& layout) const;

  private:
    struct Folder {
        std::shared_ptr<Files> files;
        /// aria2 keeps this file beside the folder while the torrent that is saved in it is unfinished.
        std::filesystem::path control_file;
    };
    std::vector<Folder> folders_;
};

}  // namespace btfs
