// The status of a mount as Prometheus reads it.
#pragma once

#include <string>

#include "cli/service/status_text.hpp"

namespace btfs::cli {

/// Returns the text of Prometheus's exposition format 0.0.4. Base units; MANUAL.md describes the metrics. No
/// label holds what comes from others.
std::string metrics_text(const MountReport& report);

}  // namespace btfs::cli
