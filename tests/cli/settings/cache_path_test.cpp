#include "cli/settings/cache_path.hpp"

#include <gmock/gmock.h>

#include <string>

#include "cli/process/failure.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

/// Returns the path; "hidden" if it is refused with a message that names the path and the option.
std::string resolved(const fs::path& cache, const fs::path& mountpoint) {
    try {
        return resolve_cache_path(cache, mountpoint).string();
    } catch (const Failure& failure) {
        EXPECT_THAT(failure.what(), testing::HasSubstr(cache.string()));
        EXPECT_THAT(failure.what(), testing::HasSubstr("--cache-dir"));
        return "hidden";
    }
}

TEST(CachePath, AtOrBelowTheMountpointIsRefused) {
    const TemporaryFolder folder;
    const fs::path mountpoint = folder.path / "mnt";
    fs::create_directories(mountpoint / "deep");
    EXPECT_EQ(resolved(mountpoint, mountpoint), "hidden");
    EXPECT_EQ(resolved(mountpoint / "cache", mountpoint), "hidden") << "it need not exist yet";
    EXPECT_EQ(resolved(mountpoint / "deep" / "cache", mountpoint), "hidden");
    EXPECT_EQ(resolved(folder.path / "mnt" / "x" / ".." / "cache", mountpoint), "hidden");
    fs::create_directory_symlink(mountpoint / "deep", folder.path / "to-deep");
    EXPECT_EQ(resolved(folder.path / "to-deep", mountpoint), "hidden") << "the cache by a symlink";
    EXPECT_EQ(resolved(folder.path / "to-deep" / "cache", mountpoint), "hidden");
    fs::create_directory_symlink(mountpoint, folder.path / "to-mnt");
    EXPECT_EQ(resolved(mountpoint / "cache", folder.path / "to-mnt"), "hidden")
        << "the mountpoint by a symlink";
}

TEST(CachePath, ACacheOutsideTheMountpointHasItsSymlinksResolved) {
    const TemporaryFolder folder;
    const fs::path mountpoint = folder.path / "mnt", cache = folder.path / "cache";
    fs::create_directories(mountpoint);
    fs::create_directories(cache / "mnt");
    EXPECT_EQ(resolved(folder.path / "mnt-cache", mountpoint), folder.path / "mnt-cache") << "a longer name";
    EXPECT_EQ(resolved(cache, mountpoint), cache);
    EXPECT_EQ(resolved(cache, cache / "mnt"), cache) << "the mountpoint below the cache";
    fs::create_directory_symlink(cache, mountpoint / "out");
    EXPECT_EQ(resolved(mountpoint / "out", mountpoint), cache) << "a symlink below it that leads out of it";
}

}  // namespace
}  // namespace btfs::cli
