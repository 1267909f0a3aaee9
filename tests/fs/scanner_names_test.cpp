#include "fs/scanner_names.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

TEST(ScannerNames, AreKnownAsTheKernelCutsThem) {
    for (const char* name : {"ffprobe", "mediainfo", "file", "tumblerd", "tracker-extract", "tracker-miner-f",
                             "localsearch-ext", "totem-video-thu", "ffmpegthumbnail", "gnome-thumbnail",
                             "baloo_file_extr", "Plex Media Scan", "jellyfin-ffprob", "clamscan"})
        EXPECT_TRUE(is_scanner(name)) << name;
}

TEST(ScannerNames, PlayersAndCopyingProgramsAreNoScanners) {
    for (const char* name : {"", "f", "ffmpeg", "ffplay", "mpv", "vlc", "cp", "cat", "totem", "minidlnad",
                             "Plex Media Serv", "jellyfin", "kodi.bin", "files", "rsync",
                             "baloo_file_extractor", "kioworker", "kioslave5", "kioslave"})
        EXPECT_FALSE(is_scanner(name)) << name;
}

}  // namespace
}  // namespace btfs
