#include "cli/logging.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/failure.hpp"
#include "cli/one_line.hpp"

namespace btfs::cli {
namespace {

constexpr const char* kPattern = "%Y-%m-%d %H:%M:%S.%e %l: %v";

/// Formats an entry as one line: names of torrents and words of servers stand in it.
class OneLineFormatter final : public spdlog::formatter {
  public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        const std::string text = printable({message.payload.data(), message.payload.size()});
        spdlog::details::log_msg safe = message;
        safe.payload = text;
        pattern_.format(safe, out);
    }
    std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<OneLineFormatter>(); }

  private:
    spdlog::pattern_formatter pattern_{kPattern};
};

}  // namespace

void start_logging(const LogOptions& options, bool detached) {
    try {
        const auto level = spdlog::level::from_str(options.level == "warn" ? "warning" : options.level);
        std::vector<spdlog::sink_ptr> sinks;
        if (!options.file.empty())
            sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file.string()));
        if (options.file.empty() || detached) {
            sinks.push_back(std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
            if (detached) sinks.back()->set_level(spdlog::level::warn);
        }
        auto logger = std::make_shared<spdlog::logger>("btfs", sinks.begin(), sinks.end());
        logger->set_level(options.file.empty() && detached ? std::max(level, spdlog::level::warn) : level);
        logger->flush_on(spdlog::level::info);
        logger->set_formatter(std::make_unique<OneLineFormatter>());
        spdlog::set_default_logger(logger);
    } catch (const spdlog::spdlog_ex& e) {
        throw Failure("cannot open the log file: " + std::string(e.what()));
    }
}

}  // namespace btfs::cli
