#include "cli/web/web_setting.hpp"

#include <unistd.h>

#include "cli/http/web_address.hpp"
#include "cli/process/failure.hpp"
#include "cli/settings/secret_file.hpp"

namespace btfs::cli {
namespace {

constexpr std::size_t kMaxPasswordFile = 4096;

std::string first_line_of(const std::filesystem::path& file) {
    const std::string what = "--web-password-file " + file.string();
    const std::string content = read_secret(file, kMaxPasswordFile, what);
    std::string line = content.substr(0, content.find_first_of("\r\n"));
    if (line.empty()) throw Failure(what + ": the file is empty");
    return line;
}

/// The host's name, and the one that it has on a local network.
void add_own_names(std::vector<std::string>& names) {
    char name[256] = {};
    if (gethostname(name, sizeof name - 1) != 0 || name[0] == 0) return;
    names.emplace_back(name);
    names.push_back(names.back() + ".local");
}

}  // namespace

std::optional<WebSetting> web_setting(const WebOptions& options) {
    if (options.where.empty()) return std::nullopt;
    const auto where = parse_web_address(options.where);
    if (!where) throw Failure("--web " + options.where + ": this is no address and port");
    WebSetting setting{.where = *where, .site = {.token = {}, .password = {}, .names = options.names}};
    if (!options.password_file.empty()) setting.site.password = first_line_of(options.password_file);
    if (!setting.site.password && !where->address.is_loopback())
        throw Failure("--web " + options.where +
                      ": others could reach the mount there, and change it; give a --web-password-file");
    add_own_names(setting.site.names);
    return setting;
}

}  // namespace btfs::cli
