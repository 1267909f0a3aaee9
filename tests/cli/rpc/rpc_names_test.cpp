#include "cli/rpc/rpc_names.hpp"

#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

TEST(RpcNames, EveryStyleIsReadAsSnakeCase) {
    for (const char* name : {"download_dir", "download-dir", "downloadDir"})
        EXPECT_EQ(snake_case(name), "download_dir") << name;
    EXPECT_EQ(snake_case("isUTP"), "is_utp");
    EXPECT_EQ(snake_case("torrent-get"), "torrent_get");
    EXPECT_EQ(snake_case("cache-size-mb"), "cache_size_mib");
    EXPECT_EQ(snake_case(""), "");
    EXPECT_EQ(snake_case("X-_Y"), "x__y");
}

TEST(RpcNames, TheOldFormHasCamelCaseAndDashes) {
    EXPECT_EQ(camel_name(RpcForm::old, "hash_string"), "hashString");
    EXPECT_EQ(camel_name(RpcForm::old, "is_utp"), "isUTP");
    EXPECT_EQ(camel_name(RpcForm::old, "file_count"), "file-count");
    EXPECT_EQ(dashed_name(RpcForm::old, "torrent_added"), "torrent-added");
    EXPECT_EQ(dashed_name(RpcForm::old, "seed_ratio_limit"), "seedRatioLimit");
    EXPECT_EQ(dashed_name(RpcForm::old, "total_size"), "total_size");
}

TEST(RpcNames, JsonRpcHasSnakeCaseAlone) {
    EXPECT_EQ(camel_name(RpcForm::json_rpc, "is_utp"), "is_utp");
    EXPECT_EQ(dashed_name(RpcForm::json_rpc, "torrent_added"), "torrent_added");
}

}  // namespace
}  // namespace btfs::cli
