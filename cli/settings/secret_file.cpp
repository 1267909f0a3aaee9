#include "cli/settings/secret_file.hpp"

#include <sys/stat.h>

#include <string_view>

#include "cache/disk/whole_file.hpp"
#include "cli/process/failure.hpp"
#include "engine/core/bytes.hpp"

namespace btfs::cli {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
/// Rights that the file must not give.
constexpr mode_t kForbidden = S_IWGRP | S_IRWXO;

std::string_view without_blanks(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

}  // namespace

std::string read_secret(const std::filesystem::path& path, std::size_t max_size, const std::string& what) {
    struct stat status {};
    if (stat(path.c_str(), &status) == 0 && (status.st_mode & kForbidden) != 0)
        throw Failure(what +
                      ": other users may read or change this file; do chmod 600, and change the password");
    const auto content = read_whole(path, max_size);
    if (!content) throw Failure(what, content.error());
    return std::string(without_blanks(as_text(*content)));
}

}  // namespace btfs::cli
