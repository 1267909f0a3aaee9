#include "cli/sources/sources.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "cli/http/header_text.hpp"
#include "cli/process/failure.hpp"
#include "cli/sources/torrent_file.hpp"
#include "cli/sources/torrent_url.hpp"
#include "cli/text/trimmed.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStandardInput = "-";
constexpr std::size_t kMaxShown = 200;

Bytes read_standard_input() {
    Bytes content;
    std::size_t filled = 0;
    for (;;) {
        if (filled == content.size()) content.resize(std::max<std::size_t>(2 * filled, 64 * 1024));
        const ssize_t n = read(STDIN_FILENO, content.data() + filled, content.size() - filled);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw Failure(std::string("stdin cannot be read: ") + std::strerror(errno));
        if (n == 0) break;
        filled += static_cast<std::size_t>(n);
        if (filled > kMaxTorrentFileSize) throw Failure("stdin", make_error_code(Errc::torrent_too_large));
    }
    content.resize(filled);
    return content;
}

Magnet magnet_of(std::string_view text) {
    auto magnet = parse_magnet(text);
    if (!magnet) throw Failure(std::string(text.substr(0, kMaxShown)), magnet.error());
    return std::move(*magnet);
}

void load_standard_input(const Bytes& content, Sources& sources) {
    const std::string_view text = trimmed(as_text(content));
    if (looks_like_url(text)) return sources.add_url(std::string(text));
    auto source = parse_source(content);
    if (!source) throw Failure("stdin", source.error());
    sources.add(std::move(*source));
}

bool is_torrent_name(const fs::path& path) {
    return path.extension() == ".torrent" && !path.filename().string().starts_with('.');
}

/// Throws Failure if there is none.
std::vector<fs::path> torrents_in(const fs::path& folder) {
    std::vector<fs::path> paths;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        if (is_torrent_name(at->path())) paths.push_back(at->path());
    if (error) throw Failure(folder.string() + ": " + error.message());
    if (paths.empty()) throw Failure(folder.string() + ": no *.torrent is in this folder");
    std::ranges::sort(paths);
    return paths;
}

void load_folder(const fs::path& folder, Sources& sources) {
    std::size_t taken = 0;
    for (const fs::path& path : torrents_in(folder)) {
        try {
            sources.add(source_of(load_torrent(path)));
            ++taken;
        } catch (const Failure& failure) {
            log::warn("left out: {}", failure.what());
        }
    }
    if (taken == 0) throw Failure(folder.string() + ": not one *.torrent in this folder can be used");
}

void append_missing(std::vector<std::vector<std::string>>& tiers,
                    std::vector<std::vector<std::string>> more) {
    for (std::vector<std::string>& tier : more) {
        std::erase_if(tier, [&](const std::string& url) {
            return std::ranges::any_of(
                tiers, [&](const auto& known) { return std::ranges::find(known, url) != known.end(); });
        });
        if (!tier.empty()) tiers.push_back(std::move(tier));
    }
}

void append_missing(std::vector<HostPort>& peers, std::vector<HostPort> more) {
    for (HostPort& peer : more)
        if (std::ranges::find(peers, peer) == peers.end()) peers.push_back(std::move(peer));
}

/// Adds `more` to the selection; an empty selection means all files.
void widen(std::vector<FileRange>& selected, const std::vector<FileRange>& more) {
    if (more.empty()) selected.clear();
    if (!selected.empty()) selected.insert(selected.end(), more.begin(), more.end());
}

/// Returns the path of a file URL (RFC 8089), which desktops hand over for a file; nothing for any other
/// word. Throws Failure if it names another machine.
std::optional<std::string> path_of_file_url(std::string_view word) {
    const std::string_view url = trimmed(word);
    if (!looks_like_file_url(url)) return std::nullopt;
    const std::string_view place = url.substr(std::string_view("file://").size());
    const std::size_t slash = place.find('/');
    const std::string_view host = place.substr(0, slash);
    if (slash == std::string_view::npos || !(host.empty() || host == "localhost"))
        throw Failure(std::string(url.substr(0, kMaxShown)) + ": is on another machine");
    const std::string_view path = place.substr(slash);
    const auto decoded = percent_decoded(path);
    const bool is_path = decoded && decoded->find('\0') == std::string::npos;
    return is_path ? *decoded : std::string(path);
}

bool has_its_own_trackers_alone(const TorrentSource& source) {
    return source.metainfo && source.metainfo->is_private && !source.metainfo->trackers.empty();
}

}  // namespace

std::vector<SourceWord> settle_words(const std::vector<std::string>& words) {
    std::vector<SourceWord> settled;
    for (const std::string& word : words) {
        SourceWord& added = settled.emplace_back();
        if (word == kStandardInput) {
            added.text = word;
            if (std::ranges::count(words, word) > 1) throw Failure("stdin can be read only once");
            added.standard_input = read_standard_input();
        } else if (const auto pasted = trimmed(word); looks_like_magnet(pasted) || looks_like_url(pasted)) {
            added.text = pasted;
        } else if (auto path = path_of_file_url(word)) {
            added.text = std::move(*path);
        } else {
            added.text = fs::absolute(word).string();
        }
    }
    return settled;
}

TorrentSource source_of(Metainfo metainfo) {
    TorrentSource source;
    source.identity = metainfo.identity;
    source.name = metainfo.name;
    source.trackers = metainfo.trackers;
    source.metainfo = std::move(metainfo);
    return source;
}

TorrentSource source_of(Magnet magnet) {
    TorrentSource source;
    source.identity = magnet.identity;
    source.published = std::move(magnet.published);
    source.name = !magnet.name.empty()       ? std::move(magnet.name)
                  : !source.identity.empty() ? source.identity.cache_key()
                                             : source.published->link();
    source.trackers = std::move(magnet.trackers);
    source.peers = std::move(magnet.peers);
    source.selected_files = std::move(magnet.selected_files);
    source.web_seeds = std::move(magnet.web_seeds);
    source.size = magnet.size;
    return source;
}

Result<TorrentSource> parse_source(ByteView content) {
    const std::string_view text = trimmed(as_text(content));
    if (looks_like_magnet(text)) {
        auto magnet = parse_magnet(text);
        if (!magnet) return magnet.error();
        return source_of(std::move(*magnet));
    }
    auto metainfo = parse_torrent(content);
    if (!metainfo) return metainfo.error();
    return source_of(std::move(*metainfo));
}

bool is_of_parser(const Error& error) {
    return error.category() == error_category() && error.value() <= static_cast<int>(Errc::magnet_no_hash);
}

void Sources::add(TorrentSource source) {
    if (source.identity.empty()) {
        const auto known = std::ranges::find(published, source.published, &TorrentSource::published);
        if (known == published.end()) published.push_back(std::move(source));
        return;
    }
    const Sha1Digest hash = source.identity.wire_hash();
    const auto known = std::ranges::find_if(
        torrents, [&](const TorrentSource& torrent) { return torrent.identity.answers_to(hash); });
    if (known == torrents.end()) return torrents.push_back(std::move(source));
    // The source that has the torrent file comes first: its name and trackers take precedence.
    if (source.metainfo && !known->metainfo) std::swap(*known, source);
    if (known->url.empty()) known->url = std::move(source.url);
    widen(known->selected_files, source.selected_files);
    if (has_its_own_trackers_alone(*known)) return;
    append_missing(known->trackers, std::move(source.trackers));
    append_missing(known->peers, std::move(source.peers));
}

void Sources::add_url(std::string url) {
    if (std::ranges::find(urls, url) == urls.end()) urls.push_back(std::move(url));
}

Sources load_sources(const std::vector<SourceWord>& words) {
    Sources sources;
    for (const SourceWord& word : words) {
        std::error_code ignored;
        if (word.standard_input) {
            load_standard_input(*word.standard_input, sources);
        } else if (looks_like_magnet(word.text)) {
            sources.add(source_of(magnet_of(word.text)));
        } else if (looks_like_url(word.text)) {
            sources.add_url(word.text);
        } else if (fs::is_directory(word.text, ignored)) {
            load_folder(word.text, sources);
        } else {
            sources.add(source_of(load_torrent(word.text)));
        }
    }
    return sources;
}

std::vector<SourceWord> each_of(const SourceWord& word) {
    std::error_code ignored;
    const bool is_link = looks_like_magnet(word.text) || looks_like_url(word.text);
    if (word.standard_input || is_link || !fs::is_directory(word.text, ignored)) return {word};
    std::vector<SourceWord> words;
    for (const fs::path& path : torrents_in(word.text)) words.push_back({path.string(), std::nullopt});
    return words;
}

Bytes content_of(const SourceWord& word) {
    if (word.standard_input) return *word.standard_input;
    if (!looks_like_magnet(word.text) && !looks_like_url(word.text)) return read_torrent(word.text);
    const ByteView text = as_bytes(word.text);
    return {text.begin(), text.end()};
}

}  // namespace btfs::cli
