// The files of the page, which are built into the program.
#pragma once

#include <span>
#include <string_view>

namespace btfs::cli {

struct PageFile {
    std::string_view path;  ///< "/" or "/page/list.js"
    std::string_view content_type;
    std::string_view content;
};

/// Returns all files of cli/web/page; index.html has the path "/". Made by page_files.cmake.
std::span<const PageFile> page_files();

}  // namespace btfs::cli
