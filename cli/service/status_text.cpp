#include "cli/service/status_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>

#include "cli/text/one_line.hpp"
#include "engine/tracker/public_url.hpp"

namespace btfs::cli {
namespace {

std::string tracker_text(const tracker::TrackerStatus& tracker) {
    std::string text = tracker::public_url(tracker.url) + ": ";
    if (!tracker.working) {
        if (tracker.message.empty()) return text + (tracker.announcing ? "announcing" : "not asked yet");
        return text + tracker.message;
    }
    text += "working";
    if (tracker.complete) text += fmt::format(", {} seeds", *tracker.complete);
    if (tracker.incomplete) text += fmt::format(", {} leechers", *tracker.incomplete);
    if (!tracker.message.empty()) text += ", " + tracker.message;
    return text;
}

std::int64_t rounded(double value) {
    return std::llround(value);
}

void append(std::string& out, std::string_view key, std::string_view value) {
    fmt::format_to(std::back_inserter(out), "{}: {}\n", key, one_line(value));
}

void append_section(std::string& out, const TorrentReport& report) {
    const RosterEntry& entry = report.entry;
    const TorrentStatus status = report.status.value_or(TorrentStatus{});
    out += '\n';
    append(out, "name", entry.name);
    append(out, "info-hash", entry.info_hash.empty() ? "-" : entry.info_hash);
    append(out, "state", state_text(report));
    append(out, "peers", fmt::format("{} connected, {} known", status.peers, status.peers_known));
    append(out, "seeds", fmt::format("{}", status.seeds));
    append(out, "down", fmt::format("{} B/s", rounded(status.rates.down)));
    append(out, "up", fmt::format("{} B/s", rounded(status.rates.up)));
    append(out, "had",
           status.content ? fmt::format("{} of {} bytes", status.content->size - status.content->left,
                                        status.content->size)
                          : "-");
    if (const auto verifying = entry.verifying()) append(out, "verifying", verifying_text(*verifying));
    if (status.seeding_ended)
        append(out, "seeding",
               status.seeding_ended == SeedGoal::ratio  ? "ended by --seed-ratio"
               : status.seeding_ended == SeedGoal::time ? "ended by --seed-time"
                                                        : "ended, since nobody took anything for its time");
    if (status.tracker) append(out, "tracker", tracker_text(*status.tracker));
    for (const tracker::TrackerStatus& tracker : status.unusable_trackers)
        append(out, "tracker", tracker_text(tracker));
    if (!entry.url.empty()) append(out, "url", entry.url);
    if (!entry.fetch.empty()) append(out, "fetch", entry.fetch);
    if (!entry.problem.empty()) append(out, "error", entry.problem);
}

}  // namespace

std::string state_text(const TorrentReport& report) {
    const RosterEntry& entry = report.entry;
    if (!entry.problem.empty()) return "failed";
    if (entry.paused) return "paused";
    if (entry.visible()) return "ready";
    if (!entry.handle) return entry.url.empty() ? "asking for its info-hash" : "fetching the torrent file";
    const auto [had, count] = report.status ? report.status->metadata : MetadataProgress{};
    if (count == 0) return "looking for peers";
    return fmt::format("fetching metadata, {} of {} pieces", had, count);
}

std::string verifying_text(const RecheckProgress::State& state) {
    if (!state.begun) return "waits for its turn";
    return fmt::format("{} %", static_cast<int>(100 * state.done));
}

std::string why_text(const ReaderWait& wait) {
    const auto peers = fmt::format("{} peer{}", wait.peers, wait.peers == 1 ? "" : "s");
    switch (wait.reason) {
        case WaitReason::paused:
            return "the torrent is paused";
        case WaitReason::no_peers:
            return "no peers";
        case WaitReason::connecting:
            return "connecting to peers";
        case WaitReason::no_one_has_it:
            return "no peer has it";
        case WaitReason::all_choke:
            return wait.peers == 1 ? "the only peer that has it chokes us"
                                   : fmt::format("all {} that have it choke us", peers);
        case WaitReason::limit_is_zero:
            return "the download limit is 0";
        case WaitReason::no_room:
            return "the cache is full";
        case WaitReason::peers_busy:
            return fmt::format("{} busy", wait.peers == 1 ? "the only peer that has it is"
                                                          : fmt::format("all {} that have it are", peers));
        case WaitReason::asked:
            return "asked of " + peers;
        case WaitReason::verifying:
            break;
    }
    return "being verified";
}

std::string scans_text(std::uint64_t scans) {
    return fmt::format("{} file{} opened to be looked into, with nothing fetched ahead", scans,
                       scans == 1 ? "" : "s");
}

std::string status_text(const MountReport& mount) {
    std::size_t ready = 0, peers = 0;
    TransferRates rates;
    for (const TorrentReport& report : mount.torrents) {
        ready += report.entry.visible();
        if (!report.status) continue;
        peers += report.status->peers;
        rates.down += report.status->rates.down;
        rates.up += report.status->rates.up;
    }
    std::string out;
    append(out, "totals",
           fmt::format("{} of {} torrents ready, {} peers, {} B/s down, {} B/s up", ready,
                       mount.torrents.size(), peers, rounded(rates.down), rounded(rates.up)));
    if (!mount.proxy.empty()) append(out, "proxy", mount.proxy);
    if (mount.scans > 0) append(out, "scans", scans_text(mount.scans));
    for (const TorrentReport& report : mount.torrents) append_section(out, report);
    return out;
}

std::string waiting_text(std::span<const TorrentReport> reports) {
    std::size_t files = 0, names = 0, torrents = 0, peers = 0;
    std::uint64_t had = 0, count = 0;
    for (const TorrentReport& report : reports) {
        if (report.entry.settled() || report.entry.held_back()) continue;
        ++torrents;
        if (!report.entry.handle) ++(report.entry.url.empty() ? names : files);
        if (!report.status) continue;
        peers += report.status->peers;
        had += report.status->metadata.pieces_had;
        count += report.status->metadata.piece_count;
    }
    std::string text = files == torrents   ? "waiting for the torrent file"
                       : names == torrents ? "waiting for the info-hash"
                                           : "waiting for metadata";
    if (torrents > 1) text += fmt::format(" of {} torrents", torrents);
    if (files + names < torrents) text += fmt::format(": {} peer{}", peers, peers == 1 ? "" : "s");
    if (count > 0) text += fmt::format(", {} of {} pieces", had, count);
    return text;
}

}  // namespace btfs::cli
