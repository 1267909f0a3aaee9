// Sources of torrents: files, folders of files, stdin, magnet links, URLs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/host_port.hpp"
#include "engine/core/identity.hpp"
#include "engine/metainfo/magnet.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs::cli {

/// A source as the user wrote it, independent of the current folder and of stdin.
struct SourceWord {
    std::string text;
    std::optional<Bytes> standard_input;  ///< the content of stdin, for "-"
};

/// Makes paths absolute and reads stdin. Starts no thread, so that a fork may follow. Throws Failure, also if
/// stdin has no end before kMaxTorrentFileSize.
std::vector<SourceWord> settle_words(const std::vector<std::string>& words);

/// One torrent, under all names that it was given by.
struct TorrentSource {
    Identity identity;                       ///< empty until the DHT has told it
    std::optional<PublishedName> published;  ///< the key to ask the DHT for (BEP 46)
    std::string name;                        ///< as the source calls it; else its info-hash
    std::optional<Metainfo> metainfo;        ///< nothing if only the info-hash is known
    std::vector<std::vector<std::string>> trackers;
    std::vector<HostPort> peers;
    std::vector<FileRange> selected_files;  ///< those that a magnet link selects; empty: all
    std::vector<std::string> web_seeds;     ///< of a magnet link
    std::optional<std::uint64_t> size;      ///< in bytes, of a magnet link
    std::string url;                        ///< of its file, if it came from one
};

TorrentSource source_of(Metainfo metainfo);
TorrentSource source_of(Magnet magnet);
/// Parses a torrent file, or the text of a magnet link.
Result<TorrentSource> parse_source(ByteView content);
/// Returns true for an error of the parsers of torrent files and links, the first groups of Errc: the same
/// bytes fail again.
bool is_of_parser(const Error& error);

/// All torrents of a mount: each once, with the trackers and peers of all its sources.
struct Sources {
    std::vector<TorrentSource> torrents;
    std::vector<TorrentSource> published;  ///< those without an identity
    std::vector<std::string> urls;         ///< of torrents that are not known yet

    /// Adds a torrent, or adds the trackers and peers of this source to one that is there. A private torrent
    /// whose file is known keeps to the trackers of that file (BEP 27).
    void add(TorrentSource source);
    void add_url(std::string url);
    std::size_t count() const { return torrents.size() + urls.size() + published.size(); }
};

/// Reads files and folders. A folder stands for all *.torrent in it that are not hidden; one of them that
/// cannot be used is left out, with a warning in the log. Throws Failure for any other source that cannot be
/// read, and for a folder without a usable torrent.
Sources load_sources(const std::vector<SourceWord>& words);

/// Returns the sources that a word stands for: a folder for all *.torrent in it that are not hidden, another
/// for itself. Throws Failure for a folder that cannot be read, or has none.
std::vector<SourceWord> each_of(const SourceWord& word);
/// Returns what the torrent of a source, which is no folder, is given by: the bytes of its file, or the text
/// of a link. Throws Failure if it cannot be read.
Bytes content_of(const SourceWord& word);

}  // namespace btfs::cli
