// Where torrents come from: files, folders of files, stdin, magnet links, URLs.
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

/// A source as the user wrote it, fit to be looked at from another folder and without a terminal.
struct SourceWord {
    std::string text;
    std::optional<Bytes> standard_input;  ///< what was read there, for "-"
};

/// Makes paths absolute and reads stdin. Starts no thread, so that a fork may follow. Throws Failure, also if
/// stdin has no end before kMaxTorrentFileSize.
std::vector<SourceWord> settle_words(const std::vector<std::string>& words);

/// One torrent, whatever names it was given by.
struct TorrentSource {
    Identity identity;                       ///< empty if the DHT has to name it first
    std::optional<PublishedName> published;  ///< by which it does (BEP 46)
    std::string name;                        ///< what the source calls it; its info-hash if it does not say
    std::optional<Metainfo> metainfo;        ///< nothing if only its name is known
    std::vector<std::vector<std::string>> trackers;
    std::vector<HostPort> peers;
    std::vector<FileRange> selected_files;  ///< what a magnet link selects; empty: all
    std::vector<std::string> web_seeds;     ///< what a magnet link names
    std::optional<std::uint64_t> size;      ///< in bytes, as a magnet link says
    std::string url;                        ///< where its file came from, if from there
};

TorrentSource source_of(Metainfo metainfo);
TorrentSource source_of(Magnet magnet);
/// A torrent file, or the text of a magnet link.
Result<TorrentSource> parse_source(ByteView content);

/// What is to be mounted: each torrent once, with the trackers and peers of all its names.
struct Sources {
    std::vector<TorrentSource> torrents;
    std::vector<TorrentSource> published;  ///< those without an identity
    std::vector<std::string> urls;         ///< of torrents that are not known yet

    /// Of a private torrent whose file is there, only the trackers in it are used (BEP 27).
    void add(TorrentSource source);
    void add_url(std::string url);
    std::size_t count() const { return torrents.size() + urls.size() + published.size(); }
};

/// Reads files and folders. Of a folder all *.torrent in it are taken, but for hidden ones; what is wrong
/// with one of them is a warning in the log. Throws Failure for any other source that cannot be read, and for
/// a folder that holds no torrent.
Sources load_sources(const std::vector<SourceWord>& words);

}  // namespace btfs::cli
