#include "cli/logging.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "cli/failure.hpp"

namespace btfs::cli {

void start_logging(const LogOptions& options, bool detached) {
    try {
        std::shared_ptr<spdlog::logger> logger;
        if (!options.file.empty()) {
            logger = spdlog::basic_logger_mt("btfs", options.file.string());
        } else if (detached) {
            logger = spdlog::null_logger_mt("btfs");
        } else {
            logger = spdlog::stderr_color_mt("btfs");
        }
        logger->set_level(spdlog::level::from_str(options.level == "warn" ? "warning" : options.level));
        logger->flush_on(spdlog::level::info);
        logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
        spdlog::set_default_logger(logger);
    } catch (const spdlog::spdlog_ex& e) {
        throw Failure("cannot open the log file: " + std::string(e.what()));
    }
}

}  // namespace btfs::cli
