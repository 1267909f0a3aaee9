#include "engine/core/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace btfs {
namespace {

TEST(Error, EveryCodeHasAMessageOfItsOwn) {
    std::set<std::string> messages;
    const int last = static_cast<int>(Errc::timed_out);
    for (int code = 1; code <= last; ++code) messages.insert(Error(static_cast<Errc>(code)).message());
    EXPECT_EQ(messages.size(), static_cast<std::size_t>(last));
    EXPECT_FALSE(messages.contains("unknown error"));
}

}  // namespace
}  // namespace btfs
