// Whom the file system tells what its readers want.
#pragma once

#include "engine/core/reader_demand.hpp"

namespace btfs {

/// Implemented by whoever reaches the engine. Called from any thread; returns at once and never calls back.
/// For one reader the calls come one after the other; nothing comes after drop().
class DemandSink {
  public:
    virtual ~DemandSink() = default;

    /// The reader wants this now, and no longer what it wanted before.
    virtual void set_demand(ReaderId reader, const ReaderDemand& demand) = 0;
    /// The reader has gone.
    virtual void drop(ReaderId reader) = 0;
};

}  // namespace btfs
