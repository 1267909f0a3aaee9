// URLs of a torrent's files at a web seed (BEP 19).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/types.hpp"

namespace btfs::webseed {

/// The paths of a torrent's files as URLs have them: the names of the info dictionary as they stand there
/// (`path.utf-8` before `path`), percent-encoded, joined by '/'. "name" of a torrent that is one file, else
/// "name/folder/file". Empty where a name is "", "." or "..", since no URL leads there. Empty as a whole if
/// the dictionary cannot be read.
std::vector<std::string> url_paths(ByteView info);

/// True if a torrent's text may be a web seed's URL: http or https, with a host.
bool is_web_seed_url(std::string_view text);

/// Builds the URL of each file. Of a torrent that is one file the seed's URL is the file's, unless it ends
/// with '/'. Of others it is the folder's, with or without '/'.
class FileUrls {
  public:
    /// `paths` are those of url_paths(); `single`: the torrent is one file, without a folder.
    FileUrls(std::string_view seed_url, const std::vector<std::string>& paths, bool single);

    /// Empty if no URL leads to the file.
    std::string url(FileIndex file) const;

  private:
    std::string base_;  ///< with what is common to all files
    const std::vector<std::string>& paths_;
    bool is_whole_url_ = false;
};

/// True if the info dictionary describes one file without a folder.
bool is_single_file(ByteView info);

}  // namespace btfs::webseed
