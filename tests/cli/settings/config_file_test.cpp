#include "cli/settings/config_file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "cli/process/failure.hpp"

namespace btfs::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string error_of(std::string_view text) {
    try {
        parse_config(text, "/etc/f.toml");
    } catch (const Failure& failure) {
        return failure.what();
    }
    return "none";
}

std::vector<std::string> values_of(const std::string& value) {
    return parse_config("key = " + value, "f").entries.at(0).values;
}

TEST(ConfigFile, HasEntriesWithTheirSectionsAndLines) {
    const ConfigFile file = parse_config(
        "# all commands\n"
        "cache-dir = \"/srv/cache\"  # here\r\n"
        "\n"
        "[mount]\n"
        "  no-dht=true\n"
        "[ cache . prune ]\n"
        "to = '10G'",
        "f");
    ASSERT_EQ(file.entries.size(), 3u);
    EXPECT_EQ(file.entries[0].section, "");
    EXPECT_EQ(file.entries[0].key, "cache-dir");
    EXPECT_THAT(file.entries[0].values, ElementsAre("/srv/cache"));
    EXPECT_EQ(file.entries[1].section, "mount");
    EXPECT_THAT(file.entries[1].values, ElementsAre("true"));
    EXPECT_EQ(file.entries[2].section, "cache.prune");
    EXPECT_EQ(file.place_of(file.entries[2]), "f, line 7: ");
}

TEST(ConfigFile, ValuesAreThoseOfToml) {
    EXPECT_THAT(values_of(R"("a # \"b\" \\ = [c]")"), ElementsAre(R"(a # "b" \ = [c])"));
    EXPECT_THAT(values_of(R"('C:\films')"), ElementsAre(R"(C:\films)"));
    EXPECT_THAT(values_of("10_000"), ElementsAre("10000"));
    EXPECT_THAT(values_of("-1.5"), ElementsAre("-1.5"));
    EXPECT_THAT(values_of("[ 'a', # one\n 'b',\n]"), ElementsAre("a", "b"));
    EXPECT_THAT(values_of("[]"), IsEmpty());
}

TEST(ConfigFile, ErrorsNameTheFileAndTheLine) {
    EXPECT_EQ(error_of("a = 1\nb = 10G"), "/etc/f.toml, line 2: text stands in quotes: \"10G\"");
    EXPECT_THAT(error_of("[mount\n"), HasSubstr("line 1: the ] of the section"));
    EXPECT_THAT(error_of("[]"), HasSubstr("line 1: a section is [COMMAND]"));
    EXPECT_THAT(error_of("[[mount]]"), HasSubstr("[[...]]"));
    EXPECT_THAT(error_of("\n--port = 1"), HasSubstr("line 2: an option is NAME = VALUE"));
    EXPECT_THAT(error_of("port: 1"), HasSubstr("the = behind port"));
    EXPECT_THAT(error_of("port ="), HasSubstr("a value is missing"));
    EXPECT_THAT(error_of("port = \"\""), HasSubstr("a value is missing"));
    EXPECT_THAT(error_of("port = 1 2"), HasSubstr("more behind the value"));
    EXPECT_THAT(error_of("a = \"x\ny\""), HasSubstr("quote at the end"));
    EXPECT_THAT(error_of(R"(a = "\n")"), HasSubstr("backslash"));
    EXPECT_THAT(error_of("a = ['x' 'y']"), HasSubstr("comma"));
    EXPECT_THAT(error_of("a = ['x'"), HasSubstr("] of the array"));
    EXPECT_THAT(error_of("[mount]\na = 1\n[seed]\na = 1\n[mount]\na = 2"),
                HasSubstr("line 6: a stands here a second"));
}

TEST(ConfigFile, CutAnywhereIsAFileOrAnError) {
    const std::string text = "a = [\"x\\\\\", 'y'] # z\n[cache.list]\njson = true\n";
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const std::string error = error_of(std::string_view(text).substr(0, size));
        EXPECT_TRUE(error == "none" || error.starts_with("/etc/f.toml, line ")) << size << ": " << error;
    }
}

TEST(LoadConfig, TellsAMissingFileFromOneThatCannotBeRead) {
    EXPECT_FALSE(load_config("/tmp/btfs-missing/f.toml"));
    try {
        load_config("/tmp");
        FAIL() << "a folder is no config file";
    } catch (const Failure& failure) {
        EXPECT_THAT(failure.what(), HasSubstr("config file /tmp: "));
    }
}

TEST(LoadConfig, RefusesAFileThatHasNoEnd) {
    try {
        load_config("/dev/zero");
        FAIL() << "/dev/zero is no config file";
    } catch (const Failure& failure) {
        EXPECT_THAT(failure.what(), HasSubstr("is larger than"));
    }
}

TEST(ConfigChoice, IsTakenFromTheWordsBeforeTheOperands) {
    std::vector<std::string> words{"--config", "/f", "mount", "--no-config", "--", "--config=x"};
    ConfigChoice choice;
    EXPECT_TRUE(choice.take(words));
    EXPECT_THAT(words, ElementsAre("mount", "--", "--config=x"));
    EXPECT_THAT(choice.load(false), IsEmpty());
}

TEST(ConfigChoice, NeedsAFileThatExists) {
    std::vector<std::string> lone{"mount", "--config"}, empty{"mount", "--config="},
        missing{"--config=/tmp/btfs-missing.toml", "mount"};
    EXPECT_FALSE(ConfigChoice().take(lone));
    EXPECT_FALSE(ConfigChoice().take(empty));
    ConfigChoice choice;
    EXPECT_TRUE(choice.take(missing));
    EXPECT_THAT(missing, ElementsAre("mount"));
    EXPECT_THROW(choice.load(false), Failure);
}

}  // namespace
}  // namespace btfs::cli
