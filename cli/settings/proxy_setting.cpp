#include "cli/settings/proxy_setting.hpp"

#include <cstdlib>
#include <string>

#include "cli/process/failure.hpp"
#include "cli/settings/secret_file.hpp"

namespace btfs::cli {
namespace {

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
        return parse(read_secret(network.proxy_file, proxy::ProxyUrl::kMaxSize, what), what);
    }
    const char* variable = std::getenv(kProxyVariable);
    if (!variable || *variable == '\0') return std::nullopt;
    return parse(variable, kProxyVariable);
}

}  // namespace btfs::cli
