#include "cache/cache_dir.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace btfs {
namespace {

TEST(CacheDir, KeepsWhatUrlsLedTo) {
    std::string name = (std::filesystem::temp_directory_path() / "btfs-cache-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    {
        const CacheDir cache = CacheDir::open(name).value();
        EXPECT_FALSE(cache.kept_download("http://host/a?key=1"));
        EXPECT_FALSE(cache.keep_download("http://host/a?key=1", as_bytes("one")));
        EXPECT_FALSE(cache.keep_download("http://host/a?key=2", as_bytes("two")));
        EXPECT_EQ(as_text(*cache.kept_download("http://host/a?key=1")), "one");
        EXPECT_FALSE(cache.keep_download("http://host/a?key=1", as_bytes("new")));
    }
    const CacheDir cache = CacheDir::open(name).value();
    EXPECT_EQ(as_text(*cache.kept_download("http://host/a?key=1")), "new");
    EXPECT_EQ(as_text(*cache.kept_download("http://host/a?key=2")), "two");
    std::filesystem::remove_all(name);
}

}  // namespace
}  // namespace btfs
