#include "cli/settings/proxy_setting.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "cli/process/failure.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

constexpr const char* kUrl = "socks5://me:sesame@proxy.example:1080";

struct ProxySettingTest : testing::Test {
    ProxySettingTest() { unsetenv(kProxyVariable); }
    ~ProxySettingTest() override { unsetenv(kProxyVariable); }

    std::filesystem::path file(const std::string& content, mode_t mode) const {
        folder.write("proxy", content);
        EXPECT_EQ(chmod((folder.path / "proxy").c_str(), mode), 0);
        return folder.path / "proxy";
    }

    static NetworkOptions of_file(const std::filesystem::path& path) {
        NetworkOptions network;
        network.proxy_file = path;
        return network;
    }

    /// Returns what the failure says; empty if there is none.
    static std::string failure(const NetworkOptions& network) {
        try {
            (void)proxy_setting(network);
            return {};
        } catch (const Failure& failed) {
            return failed.what();
        }
    }

    TemporaryFolder folder;
};

TEST_F(ProxySettingTest, AFileHoldsTheUrlWithItsPassword) {
    for (const mode_t mode : {0600, 0400, 0440, 0640}) {
        const auto url = proxy_setting(of_file(file(std::string(kUrl) + "\r\n", mode)));
        ASSERT_TRUE(url) << mode;
        EXPECT_EQ(url->credentials.password, "sesame");
        EXPECT_EQ(url->shown(), "socks5://proxy.example:1080");
    }
}

TEST_F(ProxySettingTest, AFileThatOthersMayReadOrChangeIsRefused) {
    for (const mode_t mode : {0644, 0604, 0602, 0660}) {
        const std::string said = failure(of_file(file(kUrl, mode)));
        EXPECT_NE(said.find("chmod 600"), std::string::npos) << mode << ": " << said;
        EXPECT_EQ(said.find("sesame"), std::string::npos) << said;
    }
}

TEST_F(ProxySettingTest, AFileWithoutAUsableUrlIsRefused) {
    for (const std::string& content : {std::string(), std::string("ftp://me:sesame@proxy.example:21\n"),
                                       std::string(kUrl) + "\nsocks5://other.example:1\n",
                                       std::string(proxy::ProxyUrl::kMaxSize + 1, 'x')}) {
        const std::string said = failure(of_file(file(content, 0600)));
        EXPECT_NE(said.find((folder.path / "proxy").string()), std::string::npos) << said;
        EXPECT_EQ(said.find("sesame"), std::string::npos) << said;
    }
    EXPECT_NE(failure(of_file(folder.path / "missing")), "");
    EXPECT_NE(failure(of_file(folder.path)), "");
}

TEST_F(ProxySettingTest, TheEnvironmentCountsWhereNoOptionIsGiven) {
    EXPECT_FALSE(proxy_setting({}));
    setenv(kProxyVariable, "", 1);
    EXPECT_FALSE(proxy_setting({}));
    setenv(kProxyVariable, kUrl, 1);
    EXPECT_EQ(proxy_setting({}).value().credentials.password, "sesame");
    EXPECT_EQ(proxy_setting(of_file(file("http://a.example:1", 0600))).value().shown(), "http://a.example:1");
    NetworkOptions network;
    network.proxy = "http://b.example:2";
    EXPECT_EQ(proxy_setting(network).value().shown(), "http://b.example:2");
    setenv(kProxyVariable, "ftp://me:sesame@proxy.example:21", 1);
    EXPECT_EQ(failure({}).find("sesame"), std::string::npos);
    EXPECT_EQ(failure({}).find(kProxyVariable), 0u);
}

}  // namespace
}  // namespace btfs::cli
