#include "engine/log/log.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

namespace btfs::log {
namespace {

constexpr std::string_view kNames[] = {"trace", "debug", "info", "warn", "error", "off"};
constexpr spdlog::level::level_enum kSpdlogLevels[] = {spdlog::level::trace, spdlog::level::debug,
                                                       spdlog::level::info,  spdlog::level::warn,
                                                       spdlog::level::err,   spdlog::level::off};

spdlog::level::level_enum spdlog_level(Level level) {
    return kSpdlogLevels[static_cast<std::size_t>(level)];
}

/// The log that open() made. It is never destroyed: a thread that is left behind may still log while the process
/// ends. exit() flushes what the file's stream buffers.
struct Log {
    Log(std::vector<spdlog::sink_ptr> sinks, const Target& target)
        : logger("btfs", sinks.begin(), sinks.end()), made_safe(target.made_safe) {
        logger.set_level(spdlog_level(target.least));
        logger.flush_on(spdlog::level::info);
        logger.set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
    }

    spdlog::logger logger;
    std::string (*const made_safe)(std::string_view);
};

/// Keeps a log for as long as the process lives, since a thread may be writing to it when the next one is opened.
Log* keep(std::unique_ptr<Log> log) {
    static std::mutex mutex;
    static auto& made = *new std::vector<std::unique_ptr<Log>>;  // guarded by mutex
    std::lock_guard lock(mutex);
    return made.emplace_back(std::move(log)).get();
}

Log* make_log(const Target& target) {
    std::vector<spdlog::sink_ptr> sinks;
    if (!target.file.empty())
        sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(target.file));
    if (target.on_stderr) {
        sinks.push_back(std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
        sinks.back()->set_level(spdlog_level(*target.on_stderr));
    }
    return keep(std::make_unique<Log>(std::move(sinks), target));
}

std::atomic<Log*>& current() {
    static std::atomic<Log*> log = make_log({});
    return log;
}

}  // namespace

Level level_of(std::string_view name) {
    for (std::size_t i = 0; i < std::size(kNames); ++i) {
        if (kNames[i] == name) return static_cast<Level>(i);
    }
    return Level::info;
}

void open(const Target& target) {
    try {
        current() = make_log(target);
    } catch (const spdlog::spdlog_ex& e) {
        throw std::runtime_error(e.what());
    }
}

void write(Level level, fmt::string_view format, fmt::format_args arguments) {
    Log& log = *current().load(std::memory_order_acquire);
    if (!log.logger.should_log(spdlog_level(level))) return;
    std::string line = fmt::vformat(format, arguments);
    if (log.made_safe) line = log.made_safe(line);
    log.logger.log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace btfs::log
