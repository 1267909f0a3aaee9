#include "fs/scanner_names.hpp"

#include <algorithm>
#include <array>

namespace btfs {
namespace {

constexpr std::size_t kCommLength = 15;  // of the kernel: TASK_COMM_LEN without its zero

// Programs that also play, serve or copy what they index (Kodi, minidlnad, Jellyfin, mpd, and KDE's kioworker
// and kioslave5, which make thumbnails and copy files) are not here: what they do tells them. Those that open
// no file (find, updatedb) need not be.
constexpr std::string_view kScanners[] = {
    // what a file is
    "ffprobe",
    "jellyfin-ffprobe",
    "mediainfo",
    "exiftool",
    "file",
    // thumbnails
    "ffmpegthumbnailer",
    "ffmpegthumbs",
    "totem-video-thumbnailer",
    "gst-video-thumbnailer",
    "gnome-thumbnail-font",
    "evince-thumbnailer",
    "gdk-pixbuf-thumbnailer",
    "gsf-office-thumbnailer",
    "tumblerd",
    // indexes
    "tracker-extract",
    "tracker-extract-3",
    "tracker-miner-fs",
    "tracker-miner-fs-3",
    "localsearch-extractor-3",
    "baloo_file",
    "baloo_file_extractor",
    "recollindex",
    "gvfsd-metadata",
    "Plex Media Scanner",
    "Plex Media Fingerprinter",
    // malware
    "clamscan",
    "clamdscan",
};

}  // namespace

bool is_scanner(std::string_view process) {
    return !process.empty() && std::ranges::any_of(kScanners, [&](std::string_view scanner) {
        return scanner.substr(0, kCommLength) == process;
    });
}

}  // namespace btfs
