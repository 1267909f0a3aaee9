#include "engine/log/log.hpp"

#include <spdlog/details/file_helper.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
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

/// Appends lines to a file, which can be opened anew.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit FileSink(const std::string& name) : name_(name) { file_->open(name); }

    /// Throws spdlog_ex, and keeps the old file, if it cannot be opened.
    void reopen() {
        auto file = std::make_unique<spdlog::details::file_helper>();
        file->open(name_);
        std::lock_guard lock(mutex_);
        file_.swap(file);
    }

  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        file_->write(line);
    }
    void flush_() override { file_->flush(); }

    const std::string name_;
    std::unique_ptr<spdlog::details::file_helper> file_ = std::make_unique<spdlog::details::file_helper>();
};

/// The log that open() made. It is never destroyed: a thread that is left behind may still log while the
/// process ends. exit() flushes what the file's stream buffers.
struct Log {
    Log(std::vector<spdlog::sink_ptr> sinks, std::shared_ptr<FileSink> to_file, const Target& target)
        : logger("btfs", sinks.begin(), sinks.end()), file(std::move(to_file)), made_safe(target.made_safe) {
        logger.set_level(spdlog_level(target.least));
        logger.flush_on(spdlog::level::info);
        logger.set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
    }

    spdlog::logger logger;
    const std::shared_ptr<FileSink> file;  ///< one of the logger's; null: none
    std::string (*const made_safe)(std::string_view);
};

/// Keeps a log for as long as the process lives, since a thread may be writing to it when the next one is
/// opened.
Log* keep(std::unique_ptr<Log> log) {
    static std::mutex mutex;
    static auto& made = *new std::vector<std::unique_ptr<Log>>;  // guarded by mutex
    std::lock_guard lock(mutex);
    return made.emplace_back(std::move(log)).get();
}

Log* make_log(const Target& target) {
    std::vector<spdlog::sink_ptr> sinks;
    std::shared_ptr<FileSink> file;
    if (!target.file.empty()) sinks.push_back(file = std::make_shared<FileSink>(target.file));
    if (target.on_stderr) {
        sinks.push_back(std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
        sinks.back()->set_level(spdlog_level(*target.on_stderr));
    }
    if (!target.in_syslog_as.empty())
        sinks.push_back(std::make_shared<spdlog::sinks::syslog_sink_mt>(target.in_syslog_as, LOG_PID,
                                                                        LOG_DAEMON,
                                                                        /*enable_formatting=*/false));
    return keep(std::make_unique<Log>(std::move(sinks), std::move(file), target));
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

void reopen() {
    const Log& log = *current().load(std::memory_order_acquire);
    if (!log.file) return;
    try {
        log.file->reopen();
    } catch (const spdlog::spdlog_ex& e) {
        warn("the log file cannot be opened anew: {}", e.what());
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
