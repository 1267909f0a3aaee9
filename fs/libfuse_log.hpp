// Log of libfuse: its messages go to our log or, while a mount is being made, into the failure.
#pragma once

#include <string>

namespace btfs {

/// Collects what libfuse logs while this lives, on any thread: libfuse has one log for the whole process.
/// Afterwards its warnings and errors go to our log.
class LibfuseLogCapture {
  public:
    LibfuseLogCapture();
    ~LibfuseLogCapture();
    LibfuseLogCapture(const LibfuseLogCapture&) = delete;
    LibfuseLogCapture& operator=(const LibfuseLogCapture&) = delete;

    /// The messages so far, separated by "; ".
    std::string text() const;

  private:
    std::string text_;  // guarded by the mutex of the log
};

}  // namespace btfs
