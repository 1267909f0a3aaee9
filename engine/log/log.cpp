#include "engine/log/log.hpp"

#include <spdlog/details/file_helper.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/log/line_writer.hpp"

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
class Log {
  public:
    Log(std::vector<spdlog::sink_ptr> sinks, std::shared_ptr<FileSink> to_file, const Target& target)
        : logger_("btfs", sinks.begin(), sinks.end()),
          file_(std::move(to_file)),
          made_safe_(target.made_safe) {
        logger_.set_level(spdlog_level(target.least));
        logger_.flush_on(spdlog::level::info);
        logger_.set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
        if (target.queued)
            writer_ = new LineWriter([this](std::uint64_t dropped) {
                logger_.warn("{} lines were dropped: the log was not taken in time", dropped);
            });
    }

    void write(Level level, fmt::string_view format, fmt::format_args arguments) {
        if (!logger_.should_log(spdlog_level(level))) return;
        const auto now = spdlog::log_clock::now();
        std::string line = fmt::vformat(format, arguments);
        if (made_safe_) line = made_safe_(line);
        const std::size_t size = line.size() + kOverhead;
        run(
            [this, now, level, line = std::move(line)] {
                logger_.log(now, {}, spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
            },
            size);
    }

    void reopen() {
        if (file_) run([this] { reopen_now(); }, 0);  // never dropped
    }

    bool wait_until_written() { return !writer_ || writer_->wait_until_written(kPatience); }

  private:
    /// Bytes that a queued line takes beside its text.
    static constexpr std::size_t kOverhead = 128;

    template <class Job>
    void run(Job job, std::size_t size) {
        if (!writer_) return job();
        writer_->push(std::move(job), size);
    }

    void reopen_now() {
        try {
            file_->reopen();
        } catch (const spdlog::spdlog_ex& e) {
            logger_.warn("the log file cannot be opened anew: {}", e.what());
        }
    }

    spdlog::logger logger_;
    const std::shared_ptr<FileSink> file_;  ///< one of the logger's; null: none
    std::string (*const made_safe_)(std::string_view);
    LineWriter* writer_ = nullptr;  ///< null: lines are written at once
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

/// From now on exit() waits for the queue. With a log that is not taken it ends the process at once: the
/// streams that it would flush hang as well.
void write_all_at_exit() {
    static const int registered = on_exit(
        [](int exit_code, void*) {
            if (!wait_until_written()) std::_Exit(exit_code);
        },
        nullptr);
    (void)registered;
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
        if (target.queued) write_all_at_exit();
    } catch (const spdlog::spdlog_ex& e) {
        throw std::runtime_error(e.what());
    }
}

void reopen() {
    current().load(std::memory_order_acquire)->reopen();
}

bool wait_until_written() {
    return current().load(std::memory_order_acquire)->wait_until_written();
}

void write(Level level, fmt::string_view format, fmt::format_args arguments) {
    current().load(std::memory_order_acquire)->write(level, format, arguments);
}

}  // namespace btfs::log
