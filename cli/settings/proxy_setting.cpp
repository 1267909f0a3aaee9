#include "cli/settings/proxy_setting.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "cache/disk/whole_file.hpp"
#include "cli/process/failure.hpp"
#include "engine/core/bytes.hpp"

namespace btfs::cli {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
/// Rights that a file with a password must not give.
constexpr mode_t kForbidden = S_IWGRP | S_IRWXO;

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

/// Returns the URL that the file holds, without blanks and line ends around it.
std::string read_url(const std::filesystem::path& path, const std::string& what) {
    struct stat status {};
    if (stat(path.c_str(), &status) == 0 && (status.st_mode & kForbidden) != 0)
        throw Failure(what +
                      ": other users may read or change this file; do chmod 600, and change the password");
    const auto content = read_whole(path, proxy::ProxyUrl::kMaxSize);
    if (!content) throw Failure(what, content.error());
    return std::string(trimmed(as_text(*content)));
}

proxy::ProxyUrl parse(const std::string& url, const std::string& what) {
    auto parsed = proxy::ProxyUrl::parse(url);
    // The URL is not repeated: it may have a password.
    if (!parsed) throw Failure(what, parsed.error());
    return std::move(*parsed);
}

}  // namespace

std::optional<proxy::ProxyUrl> proxy_setting(const NetworkOptions& network) {
    if (!network.proxy.empty()) return parse(network.proxy, "--proxy");
    if (!network.proxy_file.empty()) {
        const std::string what = "--proxy-file " + network.proxy_file.string();
        return parse(read_url(network.proxy_file, what), what);
    }
    const char* variable = std::getenv(kProxyVariable);
    if (!variable || *variable == '\0') return std::nullopt;
    return parse(variable, kProxyVariable);
}

}  // namespace btfs::cli
