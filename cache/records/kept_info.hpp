// Info dictionary that is kept beside a torrent's content, to name and to verify it without a torrent file.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "cache/disk/files.hpp"
#include "engine/core/bytes.hpp"

namespace btfs {

/// A hint: whoever reads the file compares its hash, so that it is written without waiting for the disk.
/// Called from any thread that may wait for a read.
class KeptInfo {
  public:
    /// `info`: shared with the engine; null: nothing is kept.
    KeptInfo(std::shared_ptr<Files> files, std::string name, std::shared_ptr<const Bytes> info)
        : files_(std::move(files)), name_(std::move(name)), info_(std::move(info)) {}

    /// The first call writes the file, if it is not there or holds anything else. Returns true if it did.
    bool keep();

  private:
    const std::shared_ptr<Files> files_;
    const std::string name_;
    const std::shared_ptr<const Bytes> info_;
    std::atomic<bool> tried_ = false;
};

}  // namespace btfs
