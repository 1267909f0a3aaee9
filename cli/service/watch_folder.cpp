#include "cli/service/watch_folder.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <string_view>

#include "cache/disk/whole_file.hpp"
#include "cli/process/failure.hpp"
#include "cli/process/worker.hpp"
#include "cli/sources/sources.hpp"
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

/// A file has nothing that can be added, now or later.
class Unusable : public Failure {
  public:
    using Failure::Failure;
};

/// Throws Failure if the file cannot be read, Unusable if it is too large.
Bytes read_links(const fs::path& path) {
    auto content = read_whole(path, kMaxLinkFile);
    if (content) return std::move(*content);
    if (content.error() == system_error(EFBIG)) throw Unusable("is larger than 1 MiB; split it");
    throw Failure("cannot be read", content.error());
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
    Duration until_next{};
    try {
        do {
            // Before the look, so that nothing is missed in between; anew, if the folder was away.
            if (!news_) news_ = watch(folder_);
            until_next = look();
        } while (wait_for_news(until_next));
    } catch (const WorkerEnded&) {
        return;  // the mount is ending
    }
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

/// Takes kMostAtOnce files at most. Returns the time until the next look.
Duration WatchFolder::look() {
    std::vector<File> to_take;
    const bool are_all = find(to_take);
    std::ranges::sort(to_take, {}, &File::first);
    for (const File& file : to_take) {
        take(file);
        if (is_ending()) return {};
    }
    if (!are_all) return {};
    TimePoint next = Clock::now() + look_every_;
    for (const auto& [path, known] : known_) next = std::min(next, known.next_try);
    return std::max(next - Clock::now(), Duration{});
}

/// Finds files that are to be taken now, and forgets those that have gone. False: there are more.
bool WatchFolder::find(std::vector<File>& to_take) {
    const TimePoint now = Clock::now();
    std::map<fs::path, Known> still_there;
    bool are_all = true;
    std::error_code error;
    for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
        std::error_code gone;
        if (!is_candidate(at->path()) || !at->is_regular_file(gone)) continue;
        const Version version{at->file_size(gone), at->last_write_time(gone)};
        if (gone) continue;
        const auto known = known_.find(at->path());
        const bool is_known = known != known_.end() && known->second.version == version;
        if (is_known) still_there.insert(*known);
        if (is_known && known->second.next_try > now) continue;
        are_all = are_all && to_take.size() < kMostAtOnce;
        if (are_all) to_take.emplace_back(at->path(), version);
    }
    if (error) {
        if (!std::exchange(told_unreadable_, true))
            log::warn("{}: cannot be watched: {}; looking again", folder_.string(), error.message());
        to_take.clear();
        return true;
    }
    told_unreadable_ = false;
    known_ = std::move(still_there);
    return are_all;
}

/// The file becomes known: it is done, or has its next try.
void WatchFolder::take(const File& file) {
    const auto& [path, version] = file;
    bool is_kept = false;
    try {
        is_kept = add_all(file);
    } catch (const WorkerEnded&) {
        throw;
    } catch (const Unusable& failure) {
        return tell_of_failure(file, failure.what(), false);
    } catch (const Failure& failure) {
        return tell_of_failure(file, failure.what(), !is_of_parser(failure.error()));
    } catch (const std::exception& failure) {
        return tell_of_failure(file, failure.what(), true);
    }
    known_.insert_or_assign(path, Known{version});
    if (mode_ == WatchMode::leave || !is_kept) return;
    if (mode_ == WatchMode::rename) return settle(path, kAddedSuffix);
    std::error_code error;
    if (!fs::remove(path, error) && error)
        log::warn("{}: was added, and cannot be removed: {}", path.string(), error.message());
}

void WatchFolder::tell_of_failure(const File& file, const std::string& problem, bool may_pass) {
    const auto& [path, version] = file;
    Known& known = known_[path];
    if (known.version != version) known = {.version = version};
    if (is_young(version)) {
        known.next_try = Clock::now() + std::min(kLookAgain, look_every_);
        return;
    }
    if (std::exchange(known.told, problem) != problem)
        log::warn("{}: {}{}", one_line(path.filename().string()), problem, may_pass ? "; trying again" : "");
    if (may_pass) {
        known.pause = std::clamp(2 * known.pause, look_every_, std::max(look_every_, kLongestPause));
        known.next_try = Clock::now() + known.pause;
        return;
    }
    known.next_try = kNever;
    if (mode_ == WatchMode::rename) settle(path, kFailedSuffix);
}

/// Adds the torrents of a file. Returns whether later mounts have them all.
bool WatchFolder::add_all(const File& file) {
    const auto& [path, version] = file;
    if (path.extension() == kTorrent) return add_(read_torrent(path));
    const Bytes content = read_links(path);
    const std::string_view text = as_text(content);
    const std::vector<std::string> links = link_lines(text);
    if (links.empty()) throw Unusable("has no link");
    if (links.size() > kMaxLinks)
        throw Unusable("has more than " + std::to_string(kMaxLinks) + " links; split it");
    if (is_young(version) && !text.ends_with('\n')) throw Failure("its last line may not be whole");
    bool are_kept = true;
    std::optional<Failure> lasting, passing;
    for (const std::string& link : links) {
        if (is_ending()) throw WorkerEnded("the mount is ending");
        try {
            const ByteView bytes = as_bytes(link);
            are_kept = add_({bytes.begin(), bytes.end()}) && are_kept;
        } catch (const WorkerEnded&) {
            throw;
        } catch (const Failure& failure) {  // the others are added nevertheless
            (is_of_parser(failure.error()) ? lasting : passing) = failure;
        }
    }
    if (passing) throw *passing;
    if (lasting) throw *lasting;
    return are_kept;
}

bool WatchFolder::is_ending() const {
    pollfd end{end_.get(), POLLIN, 0};
    return poll(&end, 1, 0) > 0;
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
