#include "cli/settings/user_folders.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>

namespace btfs::cli {
namespace {

/// Guard that sets or unsets an environment variable, and restores it.
class Variable {
  public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* before = std::getenv(name)) before_ = before;
        value ? setenv(name, value, 1) : unsetenv(name);
    }
    ~Variable() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    const char* const name_;
    std::optional<std::string> before_;
};

TEST(UserFolders, FollowsTheUsersEnvironment) {
    const Variable home("HOME", "/home/ann"), cache("XDG_CACHE_HOME", "/var/ann");
    EXPECT_EQ(default_cache_path(false), "/var/ann/btfs");
    const Variable relative("XDG_CACHE_HOME", "cache");
    EXPECT_EQ(default_cache_path(false), "/home/ann/.cache/btfs") << "relative paths are to be ignored";
    const Variable unset("XDG_CACHE_HOME", nullptr);
    EXPECT_EQ(default_cache_path(false), "/home/ann/.cache/btfs");
}

TEST(UserFolders, ExistsWithoutHome) {
    const Variable cache("XDG_CACHE_HOME", nullptr);
    for (const char* value : {static_cast<const char*>(nullptr), ""}) {
        const Variable home("HOME", value);
        EXPECT_TRUE(default_cache_path(false).is_absolute());
        if (geteuid() == 0) {
            EXPECT_EQ(default_cache_path(false), "/var/cache/btfs");
        }
    }
}

TEST(UserFolders, OfASystemsMountIsTheSystems) {
    if (geteuid() != 0) GTEST_SKIP() << "only root has the system's";
    const Variable home("HOME", "/root"), cache("XDG_CACHE_HOME", "/root/cache");
    EXPECT_EQ(default_cache_path(true), "/var/cache/btfs");
}

TEST(UserFolders, StateHasAPlaceOfItsOwn) {
    const Variable home("HOME", "/home/ann"), state("XDG_STATE_HOME", nullptr);
    EXPECT_EQ(default_state_path(false), "/home/ann/.local/state/btfs");
    const Variable set("XDG_STATE_HOME", "/var/ann");
    EXPECT_EQ(default_state_path(false), "/var/ann/btfs");
    if (geteuid() == 0) {
        EXPECT_EQ(default_state_path(true), "/var/lib/btfs");
    }
}

TEST(UserFolders, OfAServiceAreThoseThatSystemdGivesIt) {
    const Variable home("HOME", "/home/ann"), cache("XDG_CACHE_HOME", "/var/ann"),
        state("XDG_STATE_HOME", nullptr);
    const Variable given("CACHE_DIRECTORY", "/var/cache/films:/var/cache/other"),
        kept("STATE_DIRECTORY", "/var/lib/films");
    EXPECT_EQ(default_cache_path(false), "/var/cache/films");
    EXPECT_EQ(default_cache_path(true), "/var/cache/films");
    EXPECT_EQ(default_state_path(false), "/var/lib/films");
    const Variable relative("CACHE_DIRECTORY", "films");
    EXPECT_EQ(default_cache_path(false), "/var/ann/btfs");
}

}  // namespace
}  // namespace btfs::cli
