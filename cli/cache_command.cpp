// `btfs cache list`, `prune` and `clear`.
#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <string>

#include "cache/records/last_use.hpp"
#include "cache/records/torrent_files.hpp"
#include "cli/cached_torrents.hpp"
#include "cli/commands.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/human_size.hpp"
#include "cli/text/one_line.hpp"

namespace btfs::cli {
namespace {

constexpr std::size_t kShownDigits = 8;

std::string local_time(std::int64_t seconds) {
    if (seconds == 0) return "-";
    const std::time_t time = seconds;
    std::tm parts{};
    char text[32];
    if (!localtime_r(&time, &parts) || std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts) == 0)
        return "-";
    return text;
}

/// Returns "12.5 %", and "100 %" only of all.
std::string share_text(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return "-";
    if (part == whole) return "100 %";
    const double percent = 100 * static_cast<double>(part) / static_cast<double>(whole);
    char text[16];
    std::snprintf(text, sizeof text, "%.1f %%", std::min(percent, 99.9));
    return text;
}

std::string state_of(const NamedTorrent& torrent) {
    if (torrent.cached.in_use) return "in use";
    if (torrent.cached.pinned) return "pinned";
    return torrent.is_lost() ? "lost" : "-";
}

boost::json::object as_json(const NamedTorrent& torrent) {
    const CachedTorrent& cached = torrent.cached;
    boost::json::object out;
    out["info_hash"] = cached.cache_key;
    out["name"] = torrent.name ? boost::json::value(*torrent.name) : boost::json::value(nullptr);
    out["size"] = torrent.size;
    out["bytes_had"] = torrent.bytes_had();
    out["bytes_on_disk"] = cached.bytes_on_disk;
    out["last_use"] = cached.last_use;
    out["in_use"] = cached.in_use;
    out["pinned"] = cached.pinned;
    out["lost"] = torrent.is_lost();
    return out;
}

void print_json(const NamedCatalog& catalog) {
    boost::json::array torrents;
    for (const NamedTorrent& torrent : catalog.torrents) torrents.push_back(as_json(torrent));
    boost::json::object out{{"torrents", std::move(torrents)}, {"bytes_on_disk", catalog.bytes_on_disk}};
    std::cout << boost::json::serialize(out) << '\n';
}

void print_names(const NamedCatalog& catalog) {
    for (const NamedTorrent& torrent : catalog.torrents)
        std::cout << one_line(torrent.name.value_or(torrent.cached.cache_key)) << '\n';
}

void print_row(const char* size, const char* had, const char* on_disk, const char* last_use,
               const char* state, const char* info_hash, const char* name) {
    std::printf("%10s  %6s  %10s  %-16s  %-6s  %-8s  %s\n", size, had, on_disk, last_use, state, info_hash,
                name);
}

std::string count_text(std::size_t count) {
    return std::to_string(count) + (count == 1 ? " torrent" : " torrents");
}

void print_table(const NamedCatalog& catalog) {
    if (!catalog.torrents.empty()) print_row("SIZE", "HAD", "ON DISK", "LAST USE", "STATE", "HASH", "NAME");
    for (const NamedTorrent& torrent : catalog.torrents) {
        const CachedTorrent& cached = torrent.cached;
        print_row(torrent.size > 0 ? human_size(torrent.size).c_str() : "-",
                  share_text(torrent.bytes_had(), torrent.size).c_str(),
                  human_size(cached.bytes_on_disk).c_str(), local_time(cached.last_use).c_str(),
                  state_of(torrent).c_str(), cached.cache_key.substr(0, kShownDigits).c_str(),
                  torrent.name ? printable(*torrent.name).c_str() : "(not known)");
    }
    std::printf("%s, %s on disk\n", count_text(catalog.torrents.size()).c_str(),
                human_size(catalog.bytes_on_disk).c_str());
}

/// Removes torrents and says what that has freed.
class Removal {
  public:
    explicit Removal(const CacheDir& dir) : dir_(dir) {}

    /// Returns false if the torrent stays.
    bool remove(const NamedTorrent& torrent) {
        const std::string label = printable(torrent.label());
        const Error error = remove_torrent_files(*dir_.files(), torrent.cached.cache_key);
        if (error == Errc::storage_locked) {
            std::printf("in use: %s\n", label.c_str());
            ++in_use_;
            return false;
        }
        if (error == system_error(ENOENT)) return true;  // somebody else has removed it meanwhile
        if (error) throw Failure(label + ": cannot be removed", error);
        std::printf("removed: %s, %s\n", label.c_str(), human_size(torrent.cached.bytes_on_disk).c_str());
        freed_ += torrent.cached.bytes_on_disk;
        return true;
    }
    void print_freed() const { std::printf("freed: %s\n", human_size(freed_).c_str()); }

    std::uint64_t freed() const { return freed_; }
    std::size_t in_use() const { return in_use_; }

  private:
    const CacheDir& dir_;
    std::uint64_t freed_ = 0;
    std::size_t in_use_ = 0;
};

}  // namespace

int cache_list(const CacheOptions& options) {
    const NamedCatalog catalog = list_cache(open_cache_dir(options.cache_dir));
    if (options.names)
        print_names(catalog);
    else
        options.json ? print_json(catalog) : print_table(catalog);
    std::cout.flush();
    return std::cout && std::fflush(stdout) == 0 ? kSuccess : kFailure;
}

int cache_clear(const CacheOptions& options) {
    const CacheDir dir = open_cache_dir(options.cache_dir);
    Removal removal(dir);
    for (const NamedTorrent& torrent : choose(list_cache(dir), options.torrents))
        if (removal.remove(torrent)) dir.keep_pins(torrent.cached.identity, {});
    removal.print_freed();
    std::fflush(stdout);
    // Without names the command means what nobody uses.
    if (removal.in_use() > 0 && !options.torrents.empty())
        throw Failure(count_text(removal.in_use()) + " of those named stay in the cache; unmount them first");
    return kSuccess;
}

int cache_prune(const CacheOptions& options) {
    const CacheDir dir = open_cache_dir(options.cache_dir);
    NamedCatalog catalog = list_cache(dir);
    std::ranges::stable_sort(catalog.torrents, {}, [](const NamedTorrent& t) { return t.cached.last_use; });
    const std::int64_t now = unix_time();
    const std::int64_t oldest =
        options.older_than
            ? now - std::chrono::duration_cast<std::chrono::seconds>(*options.older_than).count()
            : INT64_MIN;
    const std::uint64_t most = options.prune_to.value_or(UINT64_MAX);
    Removal removal(dir);
    const auto left = [&] {
        return catalog.bytes_on_disk - std::min(catalog.bytes_on_disk, removal.freed());
    };
    for (const NamedTorrent& torrent : catalog.torrents) {
        if (torrent.cached.in_use || torrent.cached.pinned) continue;
        if (torrent.cached.last_use < oldest || left() > most) removal.remove(torrent);
    }
    removal.print_freed();
    if (left() > most)
        throw Failure("the cache still takes " + human_size(left()) +
                      ", since the rest of it is in use or pinned, or is no torrent's");
    return kSuccess;
}

}  // namespace btfs::cli
