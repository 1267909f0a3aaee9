#include "cli/service/added_sources.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "cache/disk/whole_file.hpp"
#include "engine/core/hash.hpp"
#include "engine/log/log.hpp"
#include "engine/metainfo/bencode.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".source";
constexpr std::string_view kSettingsSuffix = ".settings";
constexpr std::string_view kDropSuffix = ".drop";
constexpr std::size_t kLongestFolderName = 200;
/// A hundred trackers with URLs of 2,048 bytes, and all else that is set.
constexpr std::size_t kMostBesideContent = std::size_t{1} << 20;
constexpr std::size_t kMaxSize = kMaxTorrentFileSize + kMostBesideContent;

/// Share ratios are written in millionths: bencode has no fractions.
constexpr double kRatioUnit = 1e-6;

void write(const TorrentLimits& limits, bencode::Writer& writer) {
    writer.begin_dictionary();
    writer.key("download").integer(limits.download_kB);
    writer.key("download limited").integer(limits.download_limited ? 1 : 0);
    writer.key("honors session").integer(limits.honors_session_limits ? 1 : 0);
    if (limits.peer_limit) writer.key("peers").integer(*limits.peer_limit);
    writer.key("priority").integer(limits.bandwidth_priority);
    writer.key("seed idle").integer(limits.seed_idle_minutes);
    writer.key("seed idle mode").integer(static_cast<int>(limits.seed_idle_mode));
    writer.key("seed ratio").integer(std::llround(limits.seed_ratio / kRatioUnit));
    writer.key("seed ratio mode").integer(static_cast<int>(limits.seed_ratio_mode));
    writer.key("upload").integer(limits.upload_kB);
    writer.key("upload limited").integer(limits.upload_limited ? 1 : 0);
    writer.end();
}

/// Parses limits; a number that is missing or out of its range has its default.
TorrentLimits parse_limits(const bencode::Value& from) {
    TorrentLimits limits;
    const auto number = [&](std::string_view key, std::int64_t least,
                            std::int64_t most) -> std::optional<std::int64_t> {
        const auto found = from.get_integer(key);
        if (!found || *found < least || *found > most) return std::nullopt;
        return *found;
    };
    const auto take = [&](std::string_view key, std::uint32_t& to) {
        if (const auto found = number(key, 0, 0xffff'ffff)) to = static_cast<std::uint32_t>(*found);
    };
    const auto take_flag = [&](std::string_view key, bool& to) {
        if (const auto found = number(key, 0, 1)) to = *found == 1;
    };
    const auto take_mode = [&](std::string_view key, LimitMode& to) {
        if (const auto found = number(key, 0, 2)) to = static_cast<LimitMode>(*found);
    };
    take("download", limits.download_kB);
    take_flag("download limited", limits.download_limited);
    take_flag("honors session", limits.honors_session_limits);
    if (const auto peers = number("peers", 1, 0xffff)) limits.peer_limit = static_cast<std::uint32_t>(*peers);
    limits.bandwidth_priority = static_cast<int>(number("priority", -1, 1).value_or(0));
    take("seed idle", limits.seed_idle_minutes);
    take_mode("seed idle mode", limits.seed_idle_mode);
    constexpr std::int64_t kMostRatio = 1'000'000'000'000'000;
    limits.seed_ratio = static_cast<double>(number("seed ratio", 0, kMostRatio).value_or(0)) * kRatioUnit;
    take_mode("seed ratio mode", limits.seed_ratio_mode);
    take("upload", limits.upload_kB);
    take_flag("upload limited", limits.upload_limited);
    return limits;
}

/// A list of numbers: the first and the last file of each range.
void write(const Pins& files, bencode::Writer& writer) {
    writer.begin_list();
    for (const FileRange& range : files) writer.integer(range.first).integer(range.last);
    writer.end();
}

/// Returns nothing if the list is damaged.
Pins parse_files(const bencode::Value& from) {
    Pins files;
    if (!from.is_list()) return {};
    std::optional<std::uint32_t> first;
    for (const bencode::Value item : from.list()) {
        if (!item.is_integer() || !std::in_range<std::uint32_t>(item.integer())) return {};
        const auto file = static_cast<std::uint32_t>(item.integer());
        if (!first) {
            first = file;
            continue;
        }
        if (file < *first || files.size() == AddedSources::kMostPinnedRanges) return {};
        files.push_back({*std::exchange(first, std::nullopt), file});
    }
    return with_pins({}, files);
}

void write(const std::vector<std::vector<std::string>>& trackers, bencode::Writer& writer) {
    writer.begin_list();
    for (const auto& tier : trackers) {
        writer.begin_list();
        for (const std::string& url : tier) writer.string(url);
        writer.end();
    }
    writer.end();
}

AddedSources::Trackers parse_trackers(const bencode::Value& root) {
    const auto tiers = root.find("trackers");
    if (!tiers || tiers->kind() != bencode::Kind::list) return std::nullopt;
    std::vector<std::vector<std::string>> trackers;
    for (const bencode::Value tier : tiers->list()) {
        trackers.emplace_back();
        if (tier.kind() != bencode::Kind::list) continue;
        for (const bencode::Value url : tier.list())
            if (url.kind() == bencode::Kind::string) trackers.back().emplace_back(url.string());
    }
    return trackers;
}

bool is_paused(const bencode::Value& root) {
    const auto paused = root.get_integer("paused");
    return paused && *paused != 0;
}

Bytes written(const AddedSources::Settings& settings) {
    Bytes out;
    bencode::Writer writer(out);
    writer.begin_dictionary();
    writer.key("label").string(settings.label);
    if (settings.limits != TorrentLimits{}) write(settings.limits, writer.key("limits"));
    if (settings.paused) writer.key("paused").integer(1);
    if (settings.trackers) write(*settings.trackers, writer.key("trackers"));
    writer.end();
    return out;
}

std::optional<AddedSources::Settings> parse_settings(ByteView file) {
    const auto document = bencode::decode(file, {.max_size = kMostBesideContent});
    if (!document) return std::nullopt;
    const bencode::Value root = document->root();
    const auto label = root.get_string("label");
    if (!label) return std::nullopt;
    AddedSources::Settings settings{.label = std::string(*label)};
    if (const auto limits = root.find("limits")) settings.limits = parse_limits(*limits);
    settings.paused = is_paused(root);
    settings.trackers = parse_trackers(root);
    return settings;
}

Bytes written(const AddedSources::Source& source) {
    Bytes out;
    bencode::Writer writer(out);
    writer.begin_dictionary();
    writer.key("added").integer(source.added_ms);
    if (!source.pinned_files.empty()) write(source.pinned_files, writer.key("files"));
    writer.key("label").string(source.label);
    if (source.limits != TorrentLimits{}) write(source.limits, writer.key("limits"));
    if (source.paused) writer.key("paused").integer(1);
    writer.key("pinned").integer(source.pinned_whole ? 1 : 0);
    writer.key("source").string(ByteView(source.content));
    if (source.trackers) write(*source.trackers, writer.key("trackers"));
    writer.end();
    return out;
}

std::optional<AddedSources::Source> parse(ByteView file) {
    const auto document = bencode::decode(file, {.max_size = kMaxSize});
    if (!document) return std::nullopt;
    const bencode::Value root = document->root();
    const auto content = root.get_string("source");
    const auto added = root.get_integer("added");
    const auto label = root.get_string("label");
    const auto pinned = root.get_integer("pinned");
    if (!content || !added || !label || !pinned) return std::nullopt;
    const ByteView bytes = as_bytes(*content);
    AddedSources::Source source{{bytes.begin(), bytes.end()}, std::string(*label), *pinned != 0, *added};
    if (const auto limits = root.find("limits")) source.limits = parse_limits(*limits);
    if (const auto files = root.find("files"); files && !source.pinned_whole)
        source.pinned_files = parse_files(*files);
    source.paused = is_paused(root);
    source.trackers = parse_trackers(root);
    return source;
}

}  // namespace

fs::path AddedSources::folder_of(const fs::path& state, const fs::path& mountpoint) {
    const std::string path = mountpoint.lexically_normal().string();
    std::string name;
    for (const char c : path) {
        if (c == '/' || c == '%') {
            char text[4];
            std::snprintf(text, sizeof text, "%%%02X", static_cast<unsigned>(c));
            name += text;
        } else {
            name += c;
        }
    }
    if (name.size() > kLongestFolderName)
        name = name.substr(0, kLongestFolderName) + sha1(as_bytes(path)).hex();
    return state / name;
}

std::int64_t AddedSources::now_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string AddedSources::name_of(ByteView content) {
    return sha1(content).hex();
}

fs::path AddedSources::path_of(const std::string& name) const {
    return folder_ / (name + std::string(kSuffix));
}

fs::path AddedSources::settings_path(const std::string& info_hash) const {
    return folder_ / (info_hash + std::string(kSettingsSuffix));
}

fs::path AddedSources::drop_path(const std::string& cache_key) const {
    return folder_ / (cache_key + std::string(kDropSuffix));
}

Error AddedSources::keep(const Source& source) const {
    return write(path_of(name_of(source.content)), written(source));
}

Error AddedSources::keep_settings(const std::string& info_hash, const Settings& settings) const {
    if (settings != Settings{}) return write(settings_path(info_hash), written(settings));
    return remove(settings_path(info_hash));
}

Result<AddedSources::Settings> AddedSources::read_settings(const std::string& info_hash) const {
    const auto file = read_whole(*files_, settings_path(info_hash), kMostBesideContent);
    if (!file) return file.error();
    auto settings = parse_settings(*file);
    if (!settings) return Error(EIO, boost::system::system_category());
    return std::move(*settings);
}

Error AddedSources::write(const fs::path& path, ByteView content) const {
    std::error_code error;
    fs::create_directories(folder_.parent_path(), error);
    if (mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
        return {errno, boost::system::system_category()};
    return write_whole(*files_, path, content, 0600);
}

Error AddedSources::remove(const fs::path& path) const {
    const Error error = files_->remove(path);
    if (error == system_error(ENOENT)) return {};
    return error ? error : files_->sync_folder_of(path);
}

Result<AddedSources::Source> AddedSources::read(const std::string& name) const {
    const auto file = read_whole(*files_, path_of(name), kMaxSize);
    if (!file) return file.error();
    auto source = parse(*file);
    if (!source || name_of(source->content) != name) return Error(EIO, boost::system::system_category());
    return std::move(*source);
}

Error AddedSources::change(const std::string& name, const std::function<void(Source&)>& change) const {
    auto source = read(name);
    if (!source) return source.error();
    change(*source);
    return keep(*source);
}

Error AddedSources::set_pinned(const std::string& name, bool pinned_whole, const Pins& pinned_files) const {
    return change(name, [&](Source& source) {
        source.pinned_whole = pinned_whole;
        source.pinned_files = pinned_files;
    });
}

Error AddedSources::forget(const std::string& name) const {
    return remove(path_of(name));
}

Error AddedSources::note_drop(const std::string& cache_key) const {
    return write(drop_path(cache_key), {});
}

Error AddedSources::forget_drop(const std::string& cache_key) const {
    return remove(drop_path(cache_key));
}

std::vector<std::string> AddedSources::drops() const {
    std::vector<std::string> keys;
    for (const fs::path& path : files_with(kDropSuffix)) keys.push_back(path.stem().string());
    return keys;
}

std::vector<fs::path> AddedSources::files_with(std::string_view suffix) const {
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error))
        if (at->path().extension() == suffix) found.push_back(at->path());
    if (error && error != std::errc::no_such_file_or_directory)
        log::warn("what was added to the mount earlier cannot be read: {}: {}", folder_.string(),
                  error.message());
    return found;
}

std::deque<std::string> AddedSources::names() const {
    std::vector<std::pair<fs::file_time_type, std::string>> found;
    for (const fs::path& path : files_with(kSuffix)) {
        std::error_code gone;
        found.emplace_back(fs::last_write_time(path, gone), path.stem().string());
    }
    std::ranges::sort(found);
    std::deque<std::string> names;
    for (auto& [written, name] : found) names.push_back(std::move(name));
    return names;
}

}  // namespace btfs::cli
