#include "engine/log/log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>
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

// A pipe that nobody reads stands for a terminal that is stopped, or a disk that hangs.
TEST_F(Log, AQueuedLogThatIsNotTakenHoldsUpNobodyAndTellsWhatItDropped) {
    constexpr int kLines = 3000;
    const std::string filler(1000, 'x');
    ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
    const int reader = ::open(file_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(reader, 0);
    open({.file = file_, .on_stderr = std::nullopt, .queued = true});
    for (int i = 0; i < kLines; ++i) info("line {} {}", i, filler);
    EXPECT_FALSE(wait_until_written());

    std::string told;
    char buffer[65536];
    pollfd readable{reader, POLLIN, 0};
    while (told.find("were dropped") == std::string::npos && poll(&readable, 1, 10000) == 1) {
        const ssize_t count = read(reader, buffer, sizeof buffer);
        if (count > 0) told.append(buffer, static_cast<std::size_t>(count));
    }
    std::istringstream lines(told);
    int written = 0, dropped = 0;
    for (std::string line; std::getline(lines, line);) {
        if (const std::size_t at = line.find("warning: "); at != std::string::npos)
            dropped = std::stoi(line.substr(at + 9));
        else
            written += line.find(fmt::format("line {} ", written)) != std::string::npos ? 1 : 0;
    }
    // The queue holds some more, and the lines behind the one with which room came are written last.
    while (written + dropped < kLines && poll(&readable, 1, 10000) == 1) {
        const ssize_t count = read(reader, buffer, sizeof buffer);
        for (ssize_t i = 0; i < count; ++i) written += buffer[i] == '\n' ? 1 : 0;
    }
    EXPECT_EQ(written + dropped, kLines);
    EXPECT_GT(dropped, 1000);
    EXPECT_TRUE(wait_until_written());
    open({});
    close(reader);
}

TEST_F(Log, AQueuedLogIsWrittenInOrderAndOpenedAnewBetweenItsLines) {
    open({.file = file_, .on_stderr = std::nullopt, .queued = true});
    info("first");
    EXPECT_TRUE(wait_until_written());
    std::filesystem::rename(file_, file_ + ".1");
    reopen();
    info("second");
    EXPECT_TRUE(wait_until_written());
    EXPECT_THAT(text(), AllOf(HasSubstr("second"), Not(HasSubstr("first"))));
    std::filesystem::rename(file_ + ".1", file_);
    EXPECT_THAT(text(), AllOf(HasSubstr("first"), Not(HasSubstr("second"))));
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
