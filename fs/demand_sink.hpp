// Receives readers' demand from the file system.
#pragma once

#include "engine/core/reader_demand.hpp"

namespace btfs {

/// Implemented by the side that reaches the engine. Called from any thread; returns at once and never calls
/// back. Calls for one reader come one after the other; drop() is the last.
class DemandSink {
  public:
    virtual ~DemandSink() = default;

    /// Replaces the reader's earlier demand.
    virtual void set_demand(ReaderId reader, const ReaderDemand& demand) = 0;
    /// The reader demands nothing, since what it will read next is here: `range` is worth keeping, until the
    /// next call for this reader. Empty: nothing is.
    virtual void keep(ReaderId, ByteRange /*range*/) {}
    /// Ends the reader's demand: its handle was closed.
    virtual void drop(ReaderId reader) = 0;
};

}  // namespace btfs
