#include "cli/service/kept_settings.hpp"

#include <system_error>
#include <utility>

#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

AddedSources::Settings settings_of(const RosterEntry& entry) {
    return {.label = entry.label, .limits = entry.limits, .paused = entry.paused, .trackers = entry.trackers};
}

/// Adds what a change changes, but for its pins, to an earlier one or to what a source keeps.
template <class Settings>
void add_to(Settings& settings, const TorrentChange& change) {
    if (change.label) settings.label = *change.label;
    if (change.limits) settings.limits = *change.limits;
    if (change.paused) settings.paused = *change.paused;
    if (change.trackers) settings.trackers = *change.trackers;
}

}  // namespace

Error KeptSettings::keep(Roster::Index torrent, const TorrentChange& change) {
    const RosterEntry entry = roster_.get(torrent);
    const bool is_early = entry.record.empty() && entry.info_hash.empty();
    if (is_early) add_to(early_changes_[torrent], change);
    if (!added_ || is_early) return {};
    if (entry.record.empty()) return added_->keep_settings(entry.info_hash, settings_of(entry));
    const Error error =
        added_->change(entry.record, [&](AddedSources::Source& source) { add_to(source, change); });
    return error ? error : keep_beside_record(entry);
}

Error KeptSettings::keep_beside_record(const RosterEntry& entry) const {
    if (!added_ || entry.info_hash.empty()) return {};
    const AddedSources::Settings now = settings_of(entry);
    const auto kept = added_->read_settings(entry.info_hash);
    if (kept && *kept == now) return {};
    const bool none = !kept && kept.error() == std::errc::no_such_file_or_directory;
    if (none && !entry.of_command_line) return {};
    return added_->keep_settings(entry.info_hash, now);
}

void KeptSettings::take_up(Roster::Index torrent) {
    const auto found = early_changes_.extract(torrent);
    const TorrentChange early = found ? found.mapped() : TorrentChange{};
    const RosterEntry entry = roster_.get(torrent);
    if (!added_ || !entry.record.empty()) return;
    AddedSources::Settings kept;
    Error error;
    if (auto read = added_->read_settings(entry.info_hash)) {
        kept = std::move(*read);
    } else if (read.error() != std::errc::no_such_file_or_directory) {
        error = read.error();
    }
    roster_.update(torrent, [&](RosterEntry& changed) {
        if (!early.label && changed.label.empty()) changed.label = kept.label;
        if (!early.limits && changed.limits == TorrentLimits{}) changed.limits = kept.limits;
        if (!early.paused && !changed.paused) changed.paused = kept.paused;
        if (!early.trackers && !changed.trackers) changed.trackers = kept.trackers;
    });
    const AddedSources::Settings now = settings_of(roster_.get(torrent));
    if (now != kept)
        if (const Error failed = added_->keep_settings(entry.info_hash, now)) error = failed;
    if (error) log::warn("{}: what was set of it in an earlier mount: {}", entry.name, error.message());
}

}  // namespace btfs::cli
