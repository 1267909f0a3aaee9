#include "cli/view/mount_watch.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>

#include "cache/disk/file_descriptor.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/process/failure.hpp"

namespace btfs::cli {
namespace {

constexpr int kPausePerAnswer = 9;         // pauses are so much longer than asking takes
constexpr Duration kDetailsPause = 100ms;  // between two torrents that are selected

MountWatch::Update::Outcome carried_out(const std::filesystem::path& socket, ViewAction& action) {
    std::string error;
    try {
        ask(socket, request_of(action));
    } catch (const std::exception& failure) {
        error = failure.what();
    }
    return {std::move(action), std::move(error)};
}

}  // namespace

struct MountWatch::Shared {
    std::filesystem::path socket;
    Duration interval;
    FileDescriptor event;

    std::mutex mutex;  // guards what follows
    std::condition_variable changed;
    bool ended = false;
    std::string wanted;
    std::deque<ViewAction> actions;
    Update update;

    void tell() { eventfd_write(event.get(), 1); }
};

MountWatch::MountWatch(const std::filesystem::path& socket, Duration interval)
    : shared_(std::make_shared<Shared>()) {
    shared_->socket = socket;
    shared_->interval = interval;
    shared_->event = FileDescriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    std::thread([shared = shared_] { run(shared); }).detach();
}

MountWatch::~MountWatch() {
    std::lock_guard lock(shared_->mutex);
    shared_->ended = true;
    shared_->changed.notify_all();
}

void MountWatch::want_details(std::string torrent) {
    std::lock_guard lock(shared_->mutex);
    if (shared_->wanted == torrent) return;
    shared_->wanted = std::move(torrent);
    shared_->changed.notify_all();
}

bool MountWatch::carry_out(ViewAction action) {
    std::lock_guard lock(shared_->mutex);
    if (shared_->actions.size() >= kMostActions) return false;
    shared_->actions.push_back(std::move(action));
    shared_->changed.notify_all();
    return true;
}

int MountWatch::event() const {
    return shared_->event.get();
}

MountWatch::Update MountWatch::take() {
    eventfd_t count = 0;
    eventfd_read(shared_->event.get(), &count);
    std::lock_guard lock(shared_->mutex);
    Update update = std::exchange(shared_->update, {});
    shared_->update.failure = update.failure;  // stays
    return update;
}

void MountWatch::run(const std::shared_ptr<Shared>& shared) {
    TimePoint due{};
    std::string asked;
    std::unique_lock lock(shared->mutex);
    while (!shared->ended) {
        const std::string wanted = shared->wanted;
        std::deque<ViewAction> actions = std::exchange(shared->actions, {});
        if (!actions.empty()) due = {};
        const TimePoint begun = Clock::now();
        const bool all = begun >= due;
        lock.unlock();
        Update update;
        bool is_busy = false;
        for (ViewAction& action : actions) update.outcomes.push_back(carried_out(shared->socket, action));
        try {
            if (all) update.mount = mount_state(ask(shared->socket, {{"command", "status"}}));
        } catch (const NoAnswerInTime&) {
            is_busy = true;  // nothing new is told, and it is asked again
        } catch (const std::exception& failure) {
            update.failure = failure.what();
        }
        try {
            if (!wanted.empty() && update.failure.empty() && !is_busy)
                update.details =
                    details_state(ask(shared->socket, {{"command", "torrent"}, {"torrent", wanted}}));
        } catch (const NoAnswerInTime&) {
            is_busy = true;
        } catch (const Failure&) {
            update.details.emplace();  // it was removed
        }
        const TimePoint now = Clock::now();
        if (is_busy) {
            due = now + shared->interval;
        } else if (all) {
            due = std::max(begun + shared->interval, now + kPausePerAnswer * (now - begun));
        }
        asked = wanted;
        lock.lock();
        if (update.mount) shared->update.mount = std::move(update.mount);
        if (update.details) shared->update.details = std::move(update.details);
        std::ranges::move(update.outcomes, std::back_inserter(shared->update.outcomes));
        shared->update.failure = update.failure;
        if (!is_busy || shared->update.mount || !shared->update.outcomes.empty()) shared->tell();
        if (!update.failure.empty()) return;
        shared->changed.wait_until(
            lock, due, [&] { return shared->ended || shared->wanted != asked || !shared->actions.empty(); });
        if (shared->wanted != asked)
            shared->changed.wait_until(lock, now + kDetailsPause, [&] { return shared->ended; });
    }
}

}  // namespace btfs::cli
