// Setting of the web server, from the command line.
#pragma once

#include <filesystem>
#include <optional>

#include "cli/settings/options.hpp"
#include "cli/web/web_site.hpp"
#include "engine/core/endpoint.hpp"

namespace btfs::cli {

struct WebSetting {
    Endpoint where;
    WebSite::Options site;  ///< but for its token
};

/// Nothing if there is to be no web server. Throws Failure: the file of the password cannot be used, or
/// others than this machine could reach the server, and there is no password.
std::optional<WebSetting> web_setting(const WebOptions& options);

}  // namespace btfs::cli
