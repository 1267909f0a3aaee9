#include "cli/service/wait_for_files.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "cli/process/exit_codes.hpp"
#include "cli/service/status_text.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/terminal_line.hpp"

namespace btfs::cli {
namespace {

/// Time after which the line that says what is waited for is shown anew.
constexpr Duration kInterval = 100ms;

/// Prints each torrent that is not visible, with the reason. Returns the exit code.
int tell_missing(const std::vector<TorrentReport>& reports) {
    int exit_code = kSuccess;
    for (const TorrentReport& report : reports) {
        const RosterEntry& entry = report.entry;
        if (entry.visible()) continue;
        if (!entry.held_back()) exit_code = kNotAllThere;
        const std::string text =
            !entry.problem.empty() ? one_line(entry.problem)
            : entry.held_back()
                ? one_line(entry.name) + ": is paused; the mount shows it once it was resumed"
                : one_line(entry.name) + ": is not there yet; the mount stays, and shows it when it comes";
        std::fprintf(stderr, "btfs: %s\n", text.c_str());
    }
    return exit_code;
}

}  // namespace

int wait_for_files(ServedTorrents& torrents, StopSignal& stop, const Readiness& readiness,
                   std::optional<Duration> at_most) {
    const TimePoint deadline = at_most ? Clock::now() + *at_most : kNever;
    TerminalLine line;
    torrents.on_settled([&torrents, &stop] {
        if (!torrents.takes_up_added()) stop.wake();
    });
    for (;;) {
        const bool all_known = !torrents.takes_up_added();
        const std::vector<TorrentReport> reports = torrents.reports();
        const auto is_over = [](const TorrentReport& report) {
            return report.entry.settled() || report.entry.held_back();
        };
        const Duration left = deadline - Clock::now();
        if ((all_known && std::ranges::all_of(reports, is_over)) || left <= Duration{}) {
            line.wipe();
            const int exit_code = tell_missing(reports);
            return all_known ? exit_code : kNotAllThere;
        }
        line.show(waiting_text(reports));
        switch (stop.wait_for(std::min<Duration>(kInterval, left), readiness.fd())) {
            case StopSignal::Waited::woken:
            case StopSignal::Waited::timed_out:
                break;
            case StopSignal::Waited::stopped:
                line.wipe();
                std::fputs("btfs: the mount has ended before all files were there\n", stderr);
                return kNotAllThere;
            case StopSignal::Waited::hung_up:
                line.abandon();
                return kNotAllThere;
        }
    }
}

}  // namespace btfs::cli
