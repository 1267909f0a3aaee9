#include "cli/logging.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "cli/failure.hpp"

namespace btfs::cli {

void start_logging(const LogOptions& options, bool detached) {
    try {
        std::shared_ptr<spdlog::logger> logger;
        if (!options.file.empty()) {
            logger = spdlog::basic_logger_mt("btfs", options.file.string());
        } else {
            logger = spdlog::stderr_color_mt("btfs");
        }
        auto level = spdlog::level::from_str(options.level == "warn" ? "warning" : options.level);
        if (detached && options.file.empty()) level = std::max(level, spdlog::level::warn);
        logger->set_level(level);
        logger->flush_on(spdlog::level::info);
        logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
        spdlog::set_default_logger(logger);
    } catch (const spdlog::spdlog_ex& e) {
        throw Failure("cannot open the log file: " + std::string(e.what()));
    }
}

}  // namespace btfs::cli
