#include "cli/settings/engine_options.hpp"

#include <gtest/gtest.h>

#include <string>

#include "cli/process/failure.hpp"

namespace btfs::cli {
namespace {

TEST(EngineOptions, NothingIsLimitedUnlessTheUserSaysSo) {
    const EngineOptions options = engine_options({});
    EXPECT_FALSE(options.upload_limit);
    EXPECT_FALSE(options.download_limit);
    EXPECT_FALSE(options.limit_local);
    EXPECT_TRUE(options.uploads);
    EXPECT_FALSE(options.seed_goals.ratio);
    EXPECT_FALSE(options.seed_goals.time);
}

TEST(EngineOptions, LimitsAndGoalsAreTheUsers) {
    NetworkOptions network;
    network.transfer = {.upload_limit = 1000,
                        .download_limit = 2000,
                        .limit_local = true,
                        .no_upload = false,
                        .seed_ratio = 1.5,
                        .seed_time = 2h};
    const EngineOptions options = engine_options(network);
    EXPECT_EQ(options.upload_limit, 1000u);
    EXPECT_EQ(options.download_limit, 2000u);
    EXPECT_TRUE(options.limit_local);
    EXPECT_TRUE(options.uploads);
    EXPECT_EQ(options.seed_goals.ratio, 1.5);
    EXPECT_EQ(options.seed_goals.time, 2h);
}

TEST(EngineOptions, TheRuleOfEncryptionIsTheUsers) {
    EXPECT_EQ(engine_options({}).encryption, Encryption::allow);
    NetworkOptions network;
    network.encryption = Encryption::require;
    EXPECT_EQ(engine_options(network).encryption, Encryption::require);
    EXPECT_EQ(engine_options({}).transport, net::Transport::both);
    network.transport = net::Transport::utp;
    EXPECT_EQ(engine_options(network).transport, net::Transport::utp);
}

TEST(EngineOptions, AnUploadLimitOfZeroUnchokesNobody) {
    NetworkOptions network;
    network.transfer.upload_limit = 0;
    EXPECT_FALSE(engine_options(network).uploads);
    network.transfer = {};
    network.transfer.no_upload = true;
    EXPECT_FALSE(engine_options(network).uploads);
}

TEST(EngineOptions, AProxyIsTakenApartAndItsPasswordNotRepeated) {
    NetworkOptions network;
    EXPECT_FALSE(engine_options(network).proxy);
    network.proxy = "socks5://me:sesame@proxy.example:1080";
    network.transport = net::Transport::utp;
    EXPECT_EQ(engine_options(network).proxy->shown(), "socks5://proxy.example:1080");
    for (const char* unusable : {"http://me:sesame@proxy.example:3128", "ftp://me:sesame@proxy.example:21"}) {
        network.proxy = unusable;
        try {
            (void)engine_options(network);
            ADD_FAILURE() << unusable;
        } catch (const Failure& failure) {
            EXPECT_EQ(std::string(failure.what()).find("sesame"), std::string::npos) << failure.what();
        }
    }
}

}  // namespace
}  // namespace btfs::cli
