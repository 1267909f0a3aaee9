// Reader of `files`, the list of a torrent of many files.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/metainfo/bencode.hpp"
#include "engine/metainfo/charset.hpp"
#include "engine/metainfo/metainfo.hpp"
#include "engine/metainfo/safe_path.hpp"

namespace btfs {

/// Reader of a torrent's files into `into`. Values that decide where bytes lie (lengths, the number of
/// entries) must be right. A name, attribute or symlink that cannot be used is left out of its own entry
/// only.
class FilesReader {
  public:
    /// `list` and `charset` (of names that are not UTF-8; may be null) outlive this.
    FilesReader(const bencode::Value& list, const Charset* charset, Metainfo& into)
        : list_(list), charset_(charset), into_(into) {}

    /// Errors: bencode_wrong_type, torrent_bad_length, torrent_too_many_files.
    Error run(std::uint32_t piece_length);
    std::uint64_t total_size() const { return total_size_; }

  private:
    using Names = std::vector<std::string_view>;
    struct Later {
        std::size_t file;
        bencode::Value entry;
    };

    Error add(const bencode::Value& entry, std::uint32_t piece_length, SafePaths& paths);
    void name_the_rest(SafePaths& paths);
    void read_path(const bencode::Value& entry, Names& names);
    std::string_view readable(std::string_view name);

    bencode::Value list_;
    const Charset* charset_;
    Metainfo& into_;
    std::uint64_t total_size_ = 0;
    Names names_, target_;
    std::deque<std::string> converted_;  ///< names that others view
    std::vector<Later> pads_, links_;
};

/// The length of a file, or of the one file of a torrent. Errors: torrent_bad_length.
Result<std::uint64_t> read_length(const bencode::Value& entry);
/// True if BEP 47's `attr` names the attribute.
bool has_attribute(const bencode::Value& entry, char attribute);

}  // namespace btfs
