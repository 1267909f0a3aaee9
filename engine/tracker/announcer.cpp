#include "engine/tracker/announcer.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "engine/http/http_url.hpp"
#include "engine/tracker/tracker_url.hpp"

namespace btfs::tracker {
namespace {

AnnounceEvent regular_event(const AnnounceProgress& progress) {
    return progress.paused ? AnnounceEvent::paused : AnnounceEvent::none;
}

/// Returns true if the URL names an address, not a host, and the address is of the other family.
bool is_of_other_family(std::string_view url, AddressFamily family) {
    const auto parsed = TrackerUrl::parse(url);
    if (!parsed) return false;
    const auto address = Address::parse(parsed->host);
    return address && address->family() != family;
}

}  // namespace

Announcer::Announcer(Options options, TrackerTiers trackers, Rng& rng)
    : options_(std::move(options)), trackers_(std::move(trackers)), rng_(rng) {
    for (const AddressFamily family : options_.families) {
        Walk& walk = walks_.emplace_back();
        walk.family = family;
        walk.port = options_.port;
        add_targets(walk);
    }
}

void Announcer::add_targets(Walk& walk) {
    for (std::size_t i = walk.targets.size(); i < trackers_.size(); ++i) {
        Target& target = walk.targets.emplace_back();
        target.tracker = TrackerIndex(i);
        target.shown.url = http::without_credentials(trackers_.url(target.tracker));
        target.shown.family = walk.family;
        target.of_other_family = is_of_other_family(trackers_.url(target.tracker), walk.family);
        target.never_again = target.of_other_family;
    }
}

// ---- inputs ----

void Announcer::start(TimePoint now) {
    if (phase_ == Phase::running) return;
    const bool again = std::exchange(phase_, Phase::running) == Phase::stopping;
    stop_deadline_ = kNever;
    for (Walk& walk : walks_) {
        for (Target& target : walk.targets) {
            if (std::exchange(target.stopped_due, false)) target.started = true;  // it was told nothing
            if (again && target.failures == 0) target.not_before = now;
        }
        begin(walk, now);
    }
}

void Announcer::complete() {
    for (Walk& walk : walks_) {
        for (Target& target : walk.targets) target.completed_due = target.started || target.job;
    }
}

void Announcer::set_port(AddressFamily family, std::uint16_t port) {
    for (Walk& walk : walks_) {
        if (walk.family != family || std::exchange(walk.port, port) == port || phase_ != Phase::running)
            continue;
        for (Target& target : walk.targets) target.port_due = target.started || target.job;
    }
}

void Announcer::want_peers(TimePoint now) {
    if (phase_ != Phase::running) return;
    for (Walk& walk : walks_) {
        if (walk.active) continue;
        const bool any = std::ranges::any_of(walk.targets, [&](const Target& target) {
            return !target.job && !target.never_again && target.not_before <= now &&
                   trackers_.has(target.tracker);
        });
        if (any) begin(walk, now);
    }
}

void Announcer::add_tracker(std::string_view url, TimePoint now) {
    if (!trackers_.add(url)) return;
    for (Walk& walk : walks_) {
        add_targets(walk);
        if (phase_ == Phase::running) begin(walk, now);
    }
}

void Announcer::set_trackers(const std::vector<std::vector<std::string>>& tiers, TimePoint now) {
    std::vector<bool> had;
    for (std::size_t i = 0; i < trackers_.size(); ++i) had.push_back(trackers_.has(TrackerIndex(i)));
    trackers_.replace(tiers, rng_);
    had.resize(trackers_.size(), false);
    bool any_new = false;
    for (std::size_t i = 0; i < had.size(); ++i) any_new |= !had[i] && trackers_.has(TrackerIndex(i));
    for (Walk& walk : walks_) {
        bool lost_answerer = false;
        for (Target& target : walk.targets) {
            if (trackers_.has(target.tracker)) {
                if (std::exchange(target.stopped_due, false)) target.started = true;
                continue;
            }
            target.job.reset();
            target.job_deadline = kNever;
            target.completed_due = target.port_due = false;
            if (std::exchange(target.started, false)) target.stopped_due = lost_answerer = true;
            target.not_before = now;  // if it comes back
        }
        add_targets(walk);
        // A walk under way has the old order.
        if (phase_ == Phase::running && (walk.active || any_new || lost_answerer)) begin(walk, now);
    }
}

void Announcer::stop(TimePoint now) {
    if (phase_ == Phase::stopping) return;
    phase_ = Phase::stopping;
    stop_deadline_ = now + kStopTimeout;
    for (Walk& walk : walks_) {
        walk.active = false;
        walk.begin_at = kNever;
        for (Target& target : walk.targets) {
            target.job.reset();
            target.completed_due = false;
            target.port_due = false;
            if (std::exchange(target.started, false)) target.stopped_due = true;
        }
    }
}

// ---- the walk through the trackers ----

void Announcer::begin(Walk& walk, TimePoint now) {
    walk.active = true;
    walk.order = trackers_.order();
    walk.next = 0;
    walk.ask_next_at = now;
    finish_if_exhausted(walk, now);
}

void Announcer::end(Walk& walk, TimePoint begin_at) {
    walk.active = false;
    walk.begin_at = begin_at;
}

/// Returns the next tracker if it is time to ask one, else null.
Announcer::Target* Announcer::next_target(Walk& walk, TimePoint now) {
    if (!walk.active || now < walk.ask_next_at) return nullptr;
    while (walk.next < walk.order.size()) {
        Target& target = walk.targets[walk.order[walk.next++].value()];
        if (target.job || target.never_again || target.not_before > now) continue;
        walk.ask_next_at = now + kPatience;
        return &target;
    }
    finish_if_exhausted(walk, now);
    return nullptr;
}

/// Ends the walk if all trackers have been asked and no answer is outstanding. The next walk begins when the
/// first of them may be asked again.
void Announcer::finish_if_exhausted(Walk& walk, TimePoint now) {
    if (!walk.active || walk.next < walk.order.size()) return;
    TimePoint earliest = kNever;
    for (const Target& target : walk.targets) {
        if (!trackers_.has(target.tracker)) continue;
        if (target.job) return;
        if (!target.never_again) earliest = std::min(earliest, std::max(target.not_before, now));
    }
    end(walk, earliest);
}

Announcer::Target* Announcer::due_target(Walk& walk) {
    for (Target& target : walk.targets) {
        if (target.job) continue;
        const bool news = target.completed_due || target.port_due;
        if (target.stopped_due || (news && target.started)) return &target;
    }
    return nullptr;
}

AnnounceJob Announcer::make_job(Walk& walk, Target& target, AnnounceEvent event, TimePoint now,
                                const AnnounceProgress& progress) {
    const bool stopping = event == AnnounceEvent::stopped;
    AnnounceJob job;
    job.id = next_id_++;
    job.url = trackers_.url(target.tracker);
    job.family = walk.family;
    job.timeout = !stopping                   ? kJobTimeout
                  : phase_ == Phase::stopping ? stop_deadline_ - now
                                              : Duration(kStopTimeout);
    job.request.info_hash = options_.info_hash;
    job.request.peer_id = options_.peer_id;
    job.request.port = walk.port;
    job.request.key = options_.key;
    job.request.uploaded = progress.uploaded;
    job.request.downloaded = progress.downloaded;
    job.request.left = progress.left;
    job.request.event = event;
    job.request.numwant = stopping ? 0 : kNumwant;
    job.request.tracker_id = target.tracker_id;

    target.port_due = false;
    target.job = job.id;
    target.job_event = event;
    target.job_deadline = now + job.timeout;
    target.shown.asked_at = now;
    return job;
}

std::optional<AnnounceJob> Announcer::poll_job(TimePoint now, const AnnounceProgress& progress) {
    give_up_late_jobs(now);
    for (Walk& walk : walks_) {
        if (Target* target = due_target(walk)) {
            if (std::exchange(target->stopped_due, false))
                return make_job(walk, *target, AnnounceEvent::stopped, now, progress);
            if (std::exchange(target->completed_due, false))
                return make_job(walk, *target, AnnounceEvent::completed, now, progress);
            return make_job(walk, *target, regular_event(progress), now, progress);
        }
        if (phase_ != Phase::running) continue;
        if (!walk.active && now >= walk.begin_at) begin(walk, now);
        if (Target* target = next_target(walk, now)) {
            const AnnounceEvent event = target->started ? regular_event(progress) : AnnounceEvent::started;
            return make_job(walk, *target, event, now, progress);
        }
    }
    return std::nullopt;
}

// ---- how jobs end ----

template <class F>
void Announcer::with_job(AnnounceId id, F&& f) {
    for (Walk& walk : walks_) {
        for (Target& target : walk.targets) {
            if (target.job != id) continue;
            target.job.reset();
            target.job_deadline = kNever;
            return f(walk, target);
        }
    }
}

void Announcer::handle_reply(AnnounceId id, const AnnounceReply& reply, TimePoint now) {
    with_job(id, [&](Walk& walk, Target& target) {
        if (phase_ == Phase::stopping || was_goodbye(walk, target, now)) return;
        if (reply.refused()) return on_failed(walk, target, reply.failure_reason, reply.retry_in, now);
        target.started = true;
        target.failures = 0;
        target.not_before = now + (reply.min_interval > Duration{} ? reply.min_interval : reply.interval);
        if (!reply.tracker_id.empty()) target.tracker_id = reply.tracker_id;
        target.shown.working = true;
        target.shown.timed_out = false;
        target.shown.ended_at = now;
        target.shown.peer_count = reply.peers.size();
        target.shown.message = reply.warning;
        target.shown.complete = reply.complete;
        target.shown.incomplete = reply.incomplete;
        if (reply.complete || reply.incomplete) target.shown.counted_at = now;
        trackers_.promote(target.tracker);
        // The first tracker that answers sets the time of the next walk. Later answers cannot put it off.
        const TimePoint next = now + std::max(reply.interval, reply.min_interval);
        if (walk.active) {
            end(walk, next);
        } else {
            walk.begin_at = std::min(walk.begin_at, next);
        }
    });
}

void Announcer::handle_failure(AnnounceId id, Error error, TimePoint now) {
    with_job(id, [&](Walk& walk, Target& target) {
        if (was_goodbye(walk, target, now)) return;
        on_failed(walk, target, error.message(), std::nullopt, now);
        target.shown.timed_out = error == make_error_code(Errc::tracker_timed_out);
    });
}

/// Returns true if the job that has ended told the tracker `stopped`, and start() was called meanwhile: the
/// tracker is told `started` now.
bool Announcer::was_goodbye(Walk& walk, const Target& target, TimePoint now) {
    if (phase_ != Phase::running || target.job_event != AnnounceEvent::stopped) return false;
    if (trackers_.has(target.tracker)) begin(walk, now);
    return true;
}

void Announcer::on_failed(Walk& walk, Target& target, std::string message, std::optional<Duration> retry_in,
                          TimePoint now) {
    if (phase_ != Phase::running) return;
    target.shown.working = false;
    target.shown.timed_out = false;
    target.shown.ended_at = now;
    target.shown.peer_count = 0;
    target.shown.message = std::move(message);
    if (target.job_event == AnnounceEvent::completed) target.completed_due = false;
    Duration wait = std::min<Duration>(kFirstRetry * (1 << std::min(target.failures, 10u)), kLongestRetry);
    // Adds up to a fifth at random, so that torrents whose announces failed together do not repeat them
    // together.
    wait += from_seconds(seconds(wait) * 0.2 * rng_.fraction());
    ++target.failures;
    if (retry_in == Duration::max()) {
        target.never_again = true;
    } else {
        target.not_before = now + retry_in.value_or(wait);
    }
    if (!walk.active) return;  // another tracker has answered and set the next walk
    walk.ask_next_at = now;
    finish_if_exhausted(walk, now);
}

void Announcer::give_up_late_jobs(TimePoint now) {
    for (Walk& walk : walks_) {
        for (Target& target : walk.targets) {
            if (now >= stop_deadline_) target.stopped_due = false;
            if (!target.job || now < target.job_deadline) continue;
            target.job.reset();
            target.job_deadline = kNever;
            if (was_goodbye(walk, target, now)) continue;
            on_failed(walk, target, make_error_code(Errc::tracker_timed_out).message(), std::nullopt, now);
            target.shown.timed_out = true;
        }
    }
}

// ---- outputs ----

TimePoint Announcer::next_timeout() const {
    if (phase_ == Phase::idle || stopped()) return kNever;
    TimePoint next = stop_deadline_;
    for (const Walk& walk : walks_) {
        for (const Target& target : walk.targets) {
            if (target.job) next = std::min(next, target.job_deadline);
        }
        if (!walk.active) {
            next = std::min(next, walk.begin_at);
        } else if (walk.next < walk.order.size()) {
            next = std::min(next, walk.ask_next_at);
        }
    }
    return next;
}

bool Announcer::stopped() const {
    if (phase_ != Phase::stopping) return false;
    return std::ranges::all_of(walks_, [](const Walk& walk) {
        return std::ranges::all_of(walk.targets, [](const Target& t) { return !t.job && !t.stopped_due; });
    });
}

std::optional<TimePoint> Announcer::next_announce(const Walk& walk, const Target& target) const {
    if (phase_ != Phase::running || target.job || target.never_again) return std::nullopt;
    const TimePoint next = std::max(walk.active ? walk.ask_next_at : walk.begin_at, target.not_before);
    // A walk under way does not come back to those that it has asked.
    const auto left = std::span(walk.order).subspan(std::min(walk.next, walk.order.size()));
    const bool has_its_turn = !walk.active || std::ranges::find(left, target.tracker) != left.end();
    return has_its_turn && next < kNever ? std::optional(next) : std::nullopt;
}

std::vector<TrackerStatus> Announcer::status() const {
    std::vector<TrackerStatus> all;
    for (const Walk& walk : walks_) {
        for (const Target& target : walk.targets) {
            if (target.of_other_family || !trackers_.has(target.tracker)) continue;
            all.push_back(target.shown);
            all.back().announcing = target.job.has_value();
            all.back().next_at = next_announce(walk, target);
        }
    }
    for (const std::string& url : trackers_.unusable()) {
        TrackerStatus& shown = all.emplace_back();
        shown.url = http::without_credentials(url);
        shown.usable = false;
        shown.message = make_error_code(Errc::tracker_bad_url).message();
    }
    return all;
}

}  // namespace btfs::tracker
