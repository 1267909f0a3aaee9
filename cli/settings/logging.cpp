#include "cli/settings/logging.hpp"

#include <algorithm>
#include <stdexcept>

#include "cli/process/failure.hpp"
#include "cli/text/one_line.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {

void start_logging(const LogOptions& options, bool detached) {
    // Log lines contain names of torrents and messages of servers, so unprintable characters are replaced.
    log::Target target{.file = options.file.string(),
                       .least = log::level_of(options.level),
                       .on_stderr = std::nullopt,
                       .made_safe = printable,
                       .queued = true};
    if (detached) {
        target.on_stderr = log::Level::warn;
    } else if (target.file.empty()) {
        target.on_stderr = log::Level::trace;
    }
    if (detached && target.file.empty()) {
        target.least = std::max(target.least, log::Level::warn);
        target.in_syslog_as = "btfs";
    }
    try {
        log::open(target);
    } catch (const std::runtime_error& e) {
        throw Failure("cannot open the log file: " + std::string(e.what()));
    }
}

}  // namespace btfs::cli
