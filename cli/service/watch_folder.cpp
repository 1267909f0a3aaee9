#include "cli/service/watch_folder.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "cli/process/failure.hpp"
#include "cli/process/worker.hpp"
#include "cli/sources/torrent_file.hpp"
#include "cli/text/link_lines.hpp"
#include "cli/text/one_line.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

constexpr Duration kLookAgain = 1s;
constexpr std::string_view kTorrent = ".torrent", kMagnet = ".magnet";

bool is_candidate(const fs::path& path) {
    return (path.extension() == kTorrent || path.extension() == kMagnet) &&
           !path.filename().string().starts_with('.');
}

FileDescriptor watch(const fs::path& folder) {
    FileDescriptor news(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!news) return news;
    if (inotify_add_watch(news.get(), folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) < 0)
        return FileDescriptor();
    return news;
}

}  // namespace

WatchFolder::WatchFolder(fs::path folder, WatchMode mode, Add add, Duration look_every)
    : folder_(std::move(folder)),
      mode_(mode),
      add_(std::move(add)),
      look_every_(look_every),
      end_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { run(); }) {}

WatchFolder::~WatchFolder() {
    eventfd_write(end_.get(), 1);
    thread_.join();
}

void WatchFolder::run() {
    bool again = false;
    do {
        // Before the look, so that nothing is missed in between; anew, if the folder was away.
        if (!news_) news_ = watch(folder_);
        again = look();
    } while (wait_for_news(again ? std::min(kLookAgain, look_every_) : look_every_));
}

/// False: the end has come.
bool WatchFolder::wait_for_news(Duration at_most) {
    pollfd both[] = {{news_ ? news_.get() : -1, POLLIN, 0}, {end_.get(), POLLIN, 0}};
    const auto patience = std::chrono::ceil<std::chrono::milliseconds>(at_most).count();
    poll(both, 2, static_cast<int>(patience));
    if (both[1].revents != 0) return false;
    if (both[0].revents == 0) return true;
    alignas(inotify_event) char events[4096];
    ssize_t size;
    while ((size = read(news_.get(), events, sizeof events)) > 0) {
        for (ssize_t at = 0; at < size;) {
            const auto* const event = reinterpret_cast<const inotify_event*>(events + at);
            if ((event->mask & IN_IGNORED) != 0) {  // the folder has gone
                news_ = FileDescriptor();
                return true;
            }
            at += static_cast<ssize_t>(sizeof *event + event->len);
        }
    }
    return true;
}

bool WatchFolder::look() {
    std::vector<std::pair<fs::path, Version>> found;
    std::error_code error;
    for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
        std::error_code gone;
        if (!is_candidate(at->path()) || !at->is_regular_file(gone)) continue;
        const Version version{at->file_size(gone), at->last_write_time(gone)};
        if (!gone) found.emplace_back(at->path(), version);
    }
    if (error) {
        if (!std::exchange(told_unreadable_, true))
            log::warn("{}: cannot be watched: {}; looking again", folder_.string(), error.message());
        return false;
    }
    told_unreadable_ = false;
    std::ranges::sort(found, {}, &std::pair<fs::path, Version>::first);
    std::map<fs::path, Version> done;
    bool again = false;
    for (const auto& [path, version] : found) {
        const auto known = done_.find(path);
        const bool is_done = (known != done_.end() && known->second == version) || take(path, version);
        if (is_done)
            done.emplace(path, version);
        else
            again = true;
        pollfd end{end_.get(), POLLIN, 0};
        if (poll(&end, 1, 0) > 0) return false;
    }
    done_ = std::move(done);
    return again;
}

/// False: it has to be tried again.
bool WatchFolder::take(const fs::path& path, const Version& version) {
    try {
        add_all(path, version);
    } catch (const WorkerEnded&) {
        return false;
    } catch (const std::exception& failure) {
        if (is_young(version)) return false;
        log::warn("{}: {}", one_line(path.filename().string()), failure.what());
        if (mode_ == WatchMode::rename) settle(path, kFailedSuffix);
        return true;
    }
    if (mode_ == WatchMode::rename) settle(path, kAddedSuffix);
    std::error_code error;
    if (mode_ == WatchMode::remove && !fs::remove(path, error) && error)
        log::warn("{}: was added, and cannot be removed: {}", path.string(), error.message());
    return true;
}

void WatchFolder::add_all(const fs::path& path, const Version& version) {
    const Bytes content = read_torrent(path);
    if (path.extension() == kTorrent) return add_(content);
    const std::string_view text = as_text(content);
    const std::vector<std::string> links = link_lines(text);
    if (links.empty()) throw Failure("has no link");
    if (is_young(version) && !text.ends_with('\n')) throw Failure("its last line may not be whole");
    std::string problem;
    for (const std::string& link : links) {
        try {
            const ByteView bytes = as_bytes(link);
            add_({bytes.begin(), bytes.end()});
        } catch (const WorkerEnded&) {
            throw;
        } catch (const Failure& failure) {
            problem = failure.what();  // the others are added nevertheless
        }
    }
    if (!problem.empty()) throw Failure(problem);
}

bool WatchFolder::is_young(const Version& version) {
    const auto age = fs::file_time_type::clock::now() - version.modified;
    return age < kUnfinished && age > -kUnfinished;
}

void WatchFolder::settle(const fs::path& path, const char* suffix) {
    fs::path settled = path;
    settled += suffix;
    std::error_code error;
    fs::rename(path, settled, error);
    if (error) log::warn("{}: cannot be renamed: {}", path.string(), error.message());
}

}  // namespace btfs::cli
