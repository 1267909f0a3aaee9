// The file of --ip-filter, read at the start and again at each SIGHUP.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>

#include "cli/process/worker.hpp"
#include "engine/core/ip_filter.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {

/// Reads the file, and logs how many ranges it has and how many lines are unreadable. Null for an empty path.
/// Throws Failure if the file cannot be read or names no addresses.
std::shared_ptr<const IpFilter> load_ip_filter(const std::filesystem::path& path);

/// Rereads the file on a thread of its own and hands the filter to the engine, which outlives this. If the
/// file cannot be read any more, logs a warning, and the filter before stays in force.
class IpFilterReader {
  public:
    /// With an empty path there is no thread, and reread() does nothing. Made while signals are blocked.
    IpFilterReader(std::filesystem::path path, Engine& engine);

    void reread();

  private:
    void take_file();

    const std::filesystem::path path_;
    Engine& engine_;
    std::atomic<bool> waits_ = false;  ///< a job waits; further calls of reread() need no other
    Worker worker_;
};

}  // namespace btfs::cli
