// Tells which reads have waited long, once for each wait.
#pragma once

#include <set>
#include <span>
#include <vector>

#include "engine/core/time.hpp"
#include "fs/reader_status.hpp"

namespace btfs::cli {

/// A wait of a reader begins with a READ that waits, goes on while it is never seen without one, and is worth
/// telling once a READ of it has waited for kPatience. A machine; its owner looks about once a second.
class WaitLog {
  public:
    static constexpr Duration kPatience = 5s;

    /// Takes all readers as they are now; returns those whose waits are to be told.
    std::vector<ReaderStatus> look(std::span<const ReaderStatus> readers);

  private:
    std::set<ReaderId> told_;  ///< readers whose wait goes on
};

}  // namespace btfs::cli
