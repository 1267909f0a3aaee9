// ServedTorrents: all there is to tell of one torrent.
#include <algorithm>
#include <boost/json.hpp>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "cli/process/failure.hpp"
#include "cli/service/details_json.hpp"
#include "cli/service/details_text.hpp"
#include "cli/service/reader_process.hpp"
#include "cli/service/served_torrents.hpp"
#include "cli/text/one_line.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

std::string name_of_reader(const ReaderStatus& reader) {
    const RemoteReader& remote = reader.remote;
    if (!remote.address.empty())
        return remote.program.empty() ? remote.address : remote.program + " (" + remote.address + ')';
    const ReaderProcess process = reader.thread > 0 ? reader_process(reader.thread) : ReaderProcess{};
    if (process.name.empty()) return "a process";
    return one_line(process.name) + " (" + std::to_string(process.id) + ')';
}

/// Waits for the engine thread, not for any network, as long as EngineStatus does.
std::optional<TorrentDetails> ask_details(Engine& engine, TorrentHandle torrent) {
    const auto answer = std::make_shared<std::promise<std::optional<TorrentDetails>>>();
    auto details = answer->get_future();
    engine.ask_details(
        torrent, [answer](std::optional<TorrentDetails> found) { answer->set_value(std::move(found)); });
    if (details.wait_for(EngineStatus::kPatience) != std::future_status::ready) return std::nullopt;
    return details.get();
}

/// The same.
Engine::TrackersOf ask_trackers(Engine& engine, std::vector<TorrentHandle> torrents) {
    const auto answer = std::make_shared<std::promise<Engine::TrackersOf>>();
    auto trackers = answer->get_future();
    engine.ask_trackers(std::move(torrents),
                        [answer](Engine::TrackersOf found) { answer->set_value(std::move(found)); });
    if (trackers.wait_for(EngineStatus::kPatience) != std::future_status::ready) return {};
    return trackers.get();
}

std::uint64_t bytes_had(ByteRange file, const PieceMap& pieces) {
    std::uint64_t had = 0;
    const std::uint64_t length = pieces.piece_length;
    for (std::uint64_t i = file.begin / length; i * length < file.end; ++i)
        if (pieces.had.test(PieceIndex(i))) had += file.intersection({i * length, (i + 1) * length}).size();
    return had;
}

/// `places`: in order; null: none.
bool is_in(const std::shared_ptr<const std::vector<ByteRange>>& places, ByteRange file) {
    if (!places) return false;
    const auto after = std::ranges::upper_bound(*places, file.begin, {}, &ByteRange::begin);
    return after != places->begin() && file.end <= std::prev(after)->end;
}

constexpr Duration kLookAtWaits = 1s;

}  // namespace

VirtualMembers ServedTorrents::torrent_folders() {
    const auto file = [this](const char* name, auto write) {
        return VirtualMembers::File{
            name, [this, write](const std::string& info_hash) -> std::optional<std::string> {
                const auto report = details_by_hash(info_hash);
                if (!report) return std::nullopt;
                return write(*report);
            }};
    };
    const auto json = [](const DetailsReport& report) {
        return boost::json::serialize(torrent_details_json(report)) + '\n';
    };
    return {.name = "torrents",
            .list = [this] { return roster_.info_hashes(); },
            .has = [this](const std::string& info_hash) { return roster_.find(info_hash).has_value(); },
            .files = {file("status.json", json), file("pieces", pieces_text), file("peers", peers_text)}};
}

/// On the worker, once a second.
void ServedTorrents::watch_waits() {
    worker_->post(
        [this] {
            watch_waits();
            tell_waits();
        },
        Clock::now() + kLookAtWaits);
}

void ServedTorrents::tell_waits() {
    const auto waits = wait_log_.look(filesystem_.readers());
    if (waits.empty()) return;
    const MountReport mount = report();
    for (const ReaderStatus& reader : waits) {
        const auto why = mount.why.find(reader.reader);
        if (why == mount.why.end()) continue;  // it does not wait any more
        log::warn("{}: {} has waited for {:.0f} s: {}", one_line(reader.path), name_of_reader(reader),
                  seconds(reader.waited), why->second);
    }
}

DetailsReport ServedTorrents::details(const std::string& which) {
    const auto by_hash = roster_.find(which);
    const Roster::Index index = by_hash ? *by_hash : choose(which);
    const auto entry = roster_.get_if(index);
    if (!entry) throw Failure(one_line(which) + ": was removed");
    return details_of(index, *entry);
}

std::optional<DetailsReport> ServedTorrents::details_by_hash(const std::string& info_hash) {
    const auto index = roster_.find(info_hash);
    const auto entry = index ? roster_.get_if(*index) : std::nullopt;
    if (!entry) return std::nullopt;
    return details_of(*index, *entry);
}

std::map<Roster::Index, std::vector<tracker::TrackerStatus>> ServedTorrents::trackers(
    const std::vector<Roster::Index>& torrents) {
    std::map<TorrentHandle, Roster::Index> by_handle;
    std::vector<TorrentHandle> handles;
    for (const Roster::Index index : torrents) {
        const auto entry = roster_.get_if(index);
        if (!entry || !entry->handle) continue;
        by_handle.emplace(*entry->handle, index);
        handles.push_back(*entry->handle);
    }
    std::map<Roster::Index, std::vector<tracker::TrackerStatus>> found;
    for (auto& [handle, trackers] : ask_trackers(services_.engine, std::move(handles)))
        found.emplace(by_handle.at(handle), std::move(trackers));
    return found;
}

DetailsReport ServedTorrents::details_of(Roster::Index index, RosterEntry entry) {
    DetailsReport report;
    report.torrent.index = index;
    std::vector<Filesystem::TorrentFile> files;
    if (entry.slot) {
        const std::string name = filesystem_.name_of(*entry.slot);
        if (!name.empty()) entry.name = name;
        files = filesystem_.files(*entry.slot);
    }
    report.torrent.entry = std::move(entry);
    take_status(report);
    for (Filesystem::TorrentFile& file : files) {
        const ByteRange place{file.offset_in_torrent, file.offset_in_torrent + file.size};
        FileReport& shown = report.files.emplace_back();
        shown = {
            .path = std::move(file.path), .size = file.size, .offset_in_torrent = file.offset_in_torrent};
        shown.pinned = is_in(report.torrent.entry.pinned, place);
        if (report.pieces) shown.had = bytes_had(place, *report.pieces);
    }
    return report;
}

void ServedTorrents::take_status(DetailsReport& report) {
    if (!report.torrent.entry.handle) return;
    const TorrentHandle handle = *report.torrent.entry.handle;
    if (auto details = ask_details(services_.engine, handle)) {
        report.torrent.status = std::move(details->status);
        report.trackers = std::move(details->trackers);
        report.pieces = std::move(details->pieces);
    } else if (const auto* const earlier = engine_status_.last()->find(handle)) {
        report.torrent.status = *earlier;
    }
}

}  // namespace btfs::cli
