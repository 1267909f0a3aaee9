#include "cli/service/wait_for_files.hpp"

#include <gmock/gmock.h>

#include "cli/process/exit_codes.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

/// A mount that knows one torrent by its info-hash alone.
struct MountOfAMagnetLink {
    explicit MountOfAMagnetLink(bool paused) {
        const std::string link = "magnet:?xt=urn:btih:" + hash + "&dn=film";
        if (paused) {
            EXPECT_FALSE(added.keep_settings(hash, {.paused = true}));
        }
        torrents.add({.torrents = {parse_source(as_bytes(link)).value()}, .published = {}, .urls = {}});
    }

    const std::string hash = std::string(40, 'a');
    StopSignal stop;
    TemporaryFolder folder;
    CacheDir cache_dir{std::move(*CacheDir::open(folder.path / "cache"))};
    DiskPool pool{1};
    PieceMemory memory;
    Engine engine{{}};
    const DataFolders no_data;
    const AddedSources added{folder.path / "added"};
    ServedTorrents torrents{{.engine = engine,
                             .cache_dir = cache_dir,
                             .pool = pool,
                             .memory = memory,
                             .data = no_data,
                             .peers = {},
                             .added = &added}};
};

TEST(WaitForFiles, AMagnetLinkThatIsPausedIsNotWaitedFor) {
    MountOfAMagnetLink mount(true);
    testing::internal::CaptureStderr();
    EXPECT_EQ(wait_for_files(mount.torrents, mount.stop, Readiness(), 10s), kSuccess);
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              "btfs: film: is paused; the mount shows it once it was resumed\n");
}

TEST(WaitForFiles, AnyOtherIsWaitedForAndNamedIfItDoesNotCome) {
    MountOfAMagnetLink mount(false);
    testing::internal::CaptureStderr();
    EXPECT_EQ(wait_for_files(mount.torrents, mount.stop, Readiness(), 1ms), kNotAllThere);
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("is not there yet"));
}

}  // namespace
}  // namespace btfs::cli
