// Setting of the proxy: from the command line, a file, or the environment.
#pragma once

#include <optional>

#include "cli/settings/options.hpp"
#include "engine/proxy/proxy_url.hpp"

namespace btfs::cli {

/// Environment variable with the URL of a proxy. Options of the command line go before it; empty: none.
inline constexpr const char* kProxyVariable = "BTFS_PROXY";

/// Returns the proxy of --proxy, of the file of --proxy-file, or of kProxyVariable; nothing if none is set.
/// Throws Failure, which never repeats a URL, for a URL that is none of a proxy, and for a file that cannot
/// be read, or that others than its owner and group may read, or others than its owner may write.
std::optional<proxy::ProxyUrl> proxy_setting(const NetworkOptions& network);

}  // namespace btfs::cli
