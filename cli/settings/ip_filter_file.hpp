// The file of --ip-filter, read at the start and again at each SIGHUP.
#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>

#include "cli/process/worker.hpp"
#include "engine/core/ip_filter.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {

/// Reads the file, and logs how many ranges it has and how many lines are unreadable. Null for an empty path.
/// Throws Failure if the file cannot be read or names no addresses.
std::shared_ptr<const IpFilter> load_ip_filter(const std::filesystem::path& path);

/// Hands the filter to the engine, which outlives this, at first and after each time that it rereads the
/// file. It does that on a thread of its own. If the file cannot be read any more, logs a warning, and the
/// filter before stays in force.
class IpFilterReader {
  public:
    /// With an empty path there is no thread, and reread() does nothing. Made while signals are blocked.
    IpFilterReader(std::filesystem::path path, std::shared_ptr<const IpFilter> first, Engine& engine);

    void reread();
    /// Rereads the file while the caller waits, and returns range_count(). Throws Failure if it cannot be
    /// read. Not with an empty path.
    std::size_t reread_now();
    /// Returns how many ranges of addresses are filtered. From any thread.
    std::size_t range_count() const { return range_count_; }

  private:
    void take_file();
    void take(std::shared_ptr<const IpFilter> filter);

    const std::filesystem::path path_;
    Engine& engine_;
    std::atomic<std::size_t> range_count_ = 0;
    std::atomic<bool> waits_ = false;  ///< a job waits; further calls of reread() need no other
    Worker worker_;
};

}  // namespace btfs::cli
