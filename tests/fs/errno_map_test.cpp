#include "fs/errno_map.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace btfs {
namespace {

TEST(ErrnoMap, OnlyCancelledIsEintrAndTheRestOfTheEngineIsEio) {
    EXPECT_EQ(to_errno(Errc::cancelled), EINTR);
    for (Errc e : {Errc::timed_out, Errc::storage_full, Errc::storage_failed, Errc::connection_closed})
        EXPECT_EQ(to_errno(e), EIO);
}

TEST(ErrnoMap, AFailureIsNeverTakenForAnUnknownOperation) {
    EXPECT_EQ(to_errno(Error(ENOSYS, boost::system::generic_category())), EIO);
}

TEST(ErrnoMap, NumbersOfTheSystemStay) {
    EXPECT_EQ(to_errno(fs_error::not_found()), ENOENT);
    EXPECT_EQ(to_errno(fs_error::read_only()), EROFS);
    EXPECT_EQ(to_errno(fs_error::unmounted()), EIO);
    EXPECT_EQ(to_errno(Error(ENOSPC, boost::system::system_category())), ENOSPC);
    EXPECT_EQ(to_errno(Error()), EIO);  // never success by accident
}

}  // namespace
}  // namespace btfs
