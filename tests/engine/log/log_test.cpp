#include "engine/log/log.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace btfs::log {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Log : public testing::Test {
  protected:
    void TearDown() override {
        open({});
        std::filesystem::remove(file_);
    }

    std::string text() const {
        std::ostringstream text;
        text << std::ifstream(file_).rdbuf();
        return text.str();
    }

    const std::string file_ = testing::TempDir() + "btfs-log-test." + std::to_string(getpid());
};

TEST_F(Log, WritesFormattedLinesWithTheirLevelToTheFile) {
    open({file_, Level::info, std::nullopt});
    info("{} pieces of {}", 3, std::string("film"));
    at(Level::warn, "no credit");
    EXPECT_THAT(text(), HasSubstr(" info: 3 pieces of film\n"));
    EXPECT_THAT(text(), HasSubstr(" warning: no credit\n"));
}

TEST_F(Log, GoesOnInANewFileAfterItWasOpenedAnew) {
    open({file_, Level::info, std::nullopt});
    info("first");
    std::filesystem::rename(file_, file_ + ".1");
    info("still there");
    reopen();
    info("second");
    EXPECT_THAT(text(), AllOf(HasSubstr("second"), Not(HasSubstr("still there"))));
    std::filesystem::rename(file_ + ".1", file_);
    EXPECT_THAT(text(), AllOf(HasSubstr("first"), HasSubstr("still there"), Not(HasSubstr("second"))));
}

TEST_F(Log, GoesOnInTheOldFileIfItCannotBeOpenedAnew) {
    const std::string folder = file_ + ".d";
    std::filesystem::create_directory(folder);
    open({folder + "/log", Level::info, std::nullopt});
    std::filesystem::rename(folder + "/log", file_);
    std::filesystem::remove(folder);
    // spdlog would make the folder anew, but not under a file.
    std::ofstream(folder) << "in its place";
    reopen();
    info("after that");
    EXPECT_THAT(text(), AllOf(HasSubstr("cannot be opened anew"), HasSubstr("after that")));
    std::filesystem::remove(folder);
}

TEST_F(Log, DropsLinesBelowTheTargetsLevel) {
    open({file_, Level::warn, std::nullopt});
    trace("a trace");
    debug("a detail");
    info("an event");
    warn("a warning");
    error("an error");
    EXPECT_THAT(text(), Not(HasSubstr("a trace")));
    EXPECT_THAT(text(), Not(HasSubstr("a detail")));
    EXPECT_THAT(text(), Not(HasSubstr("an event")));
    EXPECT_THAT(text(), HasSubstr("a warning"));
    EXPECT_THAT(text(), HasSubstr("an error"));
}

TEST_F(Log, WritesNothingAtLevelOff) {
    open({file_, Level::off, std::nullopt});
    error("an error");
    EXPECT_EQ(text(), "");
}

TEST_F(Log, AppendsToAFileThatIsThere) {
    std::ofstream(file_) << "an earlier line\n";
    open({file_, Level::info, std::nullopt});
    info("a later line");
    EXPECT_THAT(text(), HasSubstr("an earlier line\n"));
    EXPECT_THAT(text(), HasSubstr("a later line\n"));
}

TEST_F(Log, ThrowsForAFileThatCannotBeOpened) {
    EXPECT_THROW(open({"/proc/self/no such folder/log", Level::info}), std::runtime_error);
}

TEST_F(Log, KeepsTheLinesOfThreadsWhole) {
    open({file_, Level::info, std::nullopt});
    constexpr int kThreads = 4;
    constexpr int kLines = 100;
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([t] {
            for (int i = 0; i < kLines; ++i) info("thread {} line {} end", t, i);
        });
    }
    threads.clear();
    std::istringstream lines(text());
    int whole = 0;
    for (std::string line; std::getline(lines, line);) whole += line.ends_with(" end") ? 1 : 0;
    EXPECT_EQ(whole, kThreads * kLines);
}

TEST_F(Log, MakesEachLineSafe) {
    open({file_, Level::info, std::nullopt, [](std::string_view line) {
              std::string safe(line);
              for (char& c : safe) c = c == '\n' ? '?' : c;
              return safe;
          }});
    info("a name: {}", "two\nlines");
    EXPECT_THAT(text(), HasSubstr("a name: two?lines\n"));
}

TEST_F(Log, WritesToStderrFromTheLevelThatIsNamedForIt) {
    testing::internal::CaptureStderr();
    open({file_, Level::debug, Level::warn});
    info("an event");
    warn("a warning");
    const std::string shown = testing::internal::GetCapturedStderr();
    EXPECT_THAT(shown, Not(HasSubstr("an event")));
    EXPECT_THAT(shown, HasSubstr("a warning"));
    EXPECT_THAT(text(), HasSubstr("an event"));
}

TEST(LogLevel, IsKnownByItsName) {
    EXPECT_EQ(level_of("trace"), Level::trace);
    EXPECT_EQ(level_of("debug"), Level::debug);
    EXPECT_EQ(level_of("info"), Level::info);
    EXPECT_EQ(level_of("warn"), Level::warn);
    EXPECT_EQ(level_of("error"), Level::error);
    EXPECT_EQ(level_of("off"), Level::off);
    EXPECT_EQ(level_of("loud"), Level::info);
}

}  // namespace
}  // namespace btfs::log
