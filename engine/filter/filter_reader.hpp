// FilterReader: reads the file of an IP filter, plain or compressed with gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/ip_filter.hpp"

namespace btfs {

/// Content of a file of an IP filter.
struct FilterFile {
    IpFilter filter;
    std::size_t entries = 0;           ///< lines with a range, allowed ones included
    std::size_t unreadable = 0;        ///< lines that are neither entry nor comment
    std::size_t first_unreadable = 0;  ///< the number of the first of them, from 1; 0: there is none
};

/// Sans-IO: takes the file's bytes in parts of any size. Never holds more than one line, one part inflated,
/// and the ranges. A stream that begins as gzip's is inflated, also if it has several members. After an error
/// it takes no more.
class FilterReader {
  public:
    static constexpr std::size_t kMaxLine = 4096;  ///< bytes; a longer line is unreadable
    /// Bytes of the file, and of its text when it is inflated.
    static constexpr std::uint64_t kMaxSize = std::uint64_t{256} << 20;
    static constexpr std::size_t kMaxEntries = 2'000'000;

    FilterReader();
    ~FilterReader();

    /// filter_too_large, filter_too_many_entries, filter_damaged.
    Result<void> feed(ByteView part);
    /// The end of the file. filter_no_entries if there are lines and none is an entry; filter_damaged if
    /// gzip's stream is cut short. An empty file, and one of comments alone, is a filter of no addresses.
    Result<FilterFile> finish();

  private:
    class Inflater;

    Result<void> take_text(ByteView text);
    Result<void> take_line(std::string_view line);

    std::unique_ptr<Inflater> inflater_;
    Bytes begin_;  ///< of the file, until it is known whether it is compressed
    bool begun_ = false;
    std::string line_;                                   ///< the part of a line that has come
    bool too_long_ = false;                              ///< the line is, and what comes of it is skipped
    std::uint64_t size_of_file_ = 0, size_of_text_ = 0;  ///< so far
    std::size_t lines_ = 0;
    FilterFile file_;
    std::vector<IpFilter::V4Range> v4_;
    std::vector<IpFilter::V6Range> v6_;
};

}  // namespace btfs
