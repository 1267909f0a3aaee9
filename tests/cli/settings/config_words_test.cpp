#include "cli/settings/config_words.hpp"

#include <gmock/gmock.h>

#include <cstdint>
#include <memory>

#include "cli/process/failure.hpp"

namespace btfs::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::string>;

/// Command line with a few options of each kind.
class Program {
  public:
    Program() {
        CLI::App& mount = *app.add_subcommand("mount", "Mount");
        mount.add_option("PLACE", text_)->required();
        mount.add_option("--port", port_)->check(CLI::Range(1, 65535));
        mount.add_option("--peer", many_)->allow_extra_args(false);
        mount.add_option("-o", many_)->allow_extra_args(false);
        mount.add_option("--cache-dir", text_);
        mount.add_flag("--no-dht", flag_);
        mount.add_flag("--wait{forever}", text_);
        CLI::Option* const ratio = mount.add_option("--ratio", text_);
        mount.add_flag("--no-upload", flag_)->excludes(ratio);
        mount.callback([this] { ++carried_out; });
        CLI::App& cache = *app.add_subcommand("cache", "Cache");
        CLI::App& list = *cache.add_subcommand("list", "List");
        list.add_flag("--json", flag_);
        list.add_option("--cache-dir", text_);
        const auto place =
            std::make_shared<std::string>();  // owned by the callback, as some commands' options
        list.add_option("PLACE", *place);
        list.callback([this, place] { ++carried_out; });
    }

    CLI::App app;
    int carried_out = 0;

  private:
    std::string text_;
    std::uint16_t port_ = 0;
    Words many_;
    bool flag_ = false;
};

Words words_with(const std::vector<ConfigFile>& files, const Words& arguments) {
    Program program;
    Words words = with_config(program.app, arguments, [&] { return files; });
    EXPECT_EQ(program.carried_out, 0);
    return words;
}

Words words_with(const char* text, const Words& arguments) {
    return words_with(std::vector{parse_config(text, "f")}, arguments);
}

std::string error_with(const char* text, const Words& arguments = {"mount", "/mnt"}) {
    try {
        words_with(text, arguments);
    } catch (const Failure& failure) {
        return failure.what();
    }
    return "none";
}

TEST(WithConfig, PutsOptionsBehindTheNameOfTheirCommand) {
    EXPECT_THAT(
        words_with("[mount]\nport = 7000\nno-dht = true\npeer = ['a:1', 'b:2']\no = 'ro'", {"mount", "/mnt"}),
        ElementsAre("mount", "--port=7000", "--no-dht", "--peer=a:1", "--peer=b:2", "-o", "ro", "/mnt"));
    EXPECT_THAT(words_with("[cache.list]\njson = true", {"cache", "list"}),
                ElementsAre("cache", "list", "--json"));
}

TEST(WithConfig, CarriesNoCommandOut) {
    EXPECT_THAT(words_with("", {"cache", "list", "/mnt"}), ElementsAre("cache", "list", "/mnt"));
    EXPECT_THAT(words_with("", {"mount", "/mnt"}), ElementsAre("mount", "/mnt"));
}

TEST(WithConfig, LeavesOutWhatIsForOtherCommands) {
    EXPECT_THAT(words_with("[mount]\nport = 7000", {"cache", "list"}), ElementsAre("cache", "list"));
}

TEST(WithConfig, HoldsForAllCommandsBeforeTheFirstSection) {
    const char* const text = "cache-dir = '/c'\n[cache]\njson = true\n[mount]\ncache-dir = '/m'";
    EXPECT_THAT(words_with(text, {"cache", "list"}),
                ElementsAre("cache", "list", "--json", "--cache-dir=/c"));
    EXPECT_THAT(words_with(text, {"mount", "/mnt"}), ElementsAre("mount", "--cache-dir=/m", "/mnt"));
}

TEST(WithConfig, IsOverriddenByTheCommandLine) {
    EXPECT_THAT(
        words_with("[mount]\nport = 7000\nno-dht = true", {"mount", "--port=1", "--no-dht=false", "/mnt"}),
        ElementsAre("mount", "--port=1", "--no-dht=false", "/mnt"));
    EXPECT_THAT(words_with("[mount]\nratio = 2", {"mount", "--no-upload", "/mnt"}),
                ElementsAre("mount", "--no-upload", "/mnt"));
}

TEST(WithConfig, ALaterFileOverridesAnEarlierOne) {
    const ConfigFile system = parse_config(
        "[mount]\nport = 1\nno-dht = true\nratio = 2\nwait = true\npeer = ['a:1', 'b:2']", "system");
    const ConfigFile user =
        parse_config("[mount]\nno-dht = false\nno-upload = true\nwait = '20'\npeer = 'c:3'", "user");
    EXPECT_THAT(words_with({system, user}, {"mount", "/mnt"}),
                ElementsAre("mount", "--no-upload", "--wait=20", "--peer=c:3", "--port=1", "/mnt"));
}

TEST(WithConfig, ErrorsNameTheFileAndTheLine) {
    EXPECT_EQ(error_with("[mount]\n\nprot = 1"), "f, line 3: btfs mount has no option prot");
    EXPECT_EQ(error_with("prot = 1"), "f, line 1: no command has an option prot");
    EXPECT_EQ(error_with("[mnt]\nport = 1"), "f, line 2: [mnt] is the name of no command");
    EXPECT_THAT(error_with("[mount]\nport = 70000"), HasSubstr("f, line 2: port: "));
    EXPECT_THAT(error_with("[mount]\nno-dht = 'perhaps'"), HasSubstr("f, line 2: no-dht: "));
    EXPECT_THAT(error_with("[mount]\nport = [1, 2]"), HasSubstr("port: takes one value"));
    EXPECT_EQ(error_with("[mount]\nratio = 2\nno-upload = true"),
              "f, line 3: no-upload excludes ratio of line 2");
    for (const char* option : {"help", "version", "PLACE", "config"})
        EXPECT_THAT(error_with(("[mount]\n" + std::string(option) + " = true").c_str()),
                    HasSubstr("has no option"));
}

TEST(WithConfig, NamesAreCheckedForEveryCommandAndValuesForTheGivenOne) {
    EXPECT_EQ(error_with("[mount]\nport = 70000", {"cache", "list"}), "none");
    EXPECT_THAT(error_with("[mount]\nprot = 1", {"cache", "list"}), HasSubstr("no option prot"));
}

TEST(WithConfig, HelpNeedsNoConfig) {
    Program program;
    bool loaded = false;
    const auto load = [&] {
        loaded = true;
        return std::vector<ConfigFile>();
    };
    EXPECT_THAT(with_config(program.app, {"mount", "--help"}, load), ElementsAre("mount", "--help"));
    EXPECT_FALSE(loaded);
}

TEST(WithConfig, AMistakeOfTheCommandLineStays) {
    EXPECT_THAT(words_with("[mount]\nport = 1", {"mount", "--what", "/mnt"}),
                ElementsAre("mount", "--port=1", "--what", "/mnt"));
    EXPECT_THAT(words_with("cache-dir = '/c'", {"mout"}), ElementsAre("mout"));
}

TEST(WithConfig, ATildeIsTheHomeFolder) {
    setenv("HOME", "/home/ann", 1);
    EXPECT_THAT(words_with("cache-dir = '~/c'", {"mount", "~/mnt"}),
                ElementsAre("mount", "--cache-dir=/home/ann/c", "~/mnt"));
}

}  // namespace
}  // namespace btfs::cli
