// State of one open file of a torrent, for who looks at the mount.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "engine/core/reader_demand.hpp"
#include "engine/core/time.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// Reader over the network; both empty: a process of this machine.
struct RemoteReader {
    std::string address = {};
    std::string program = {};  ///< as it calls itself; empty: it does not say

    bool operator==(const RemoteReader&) const = default;
};

struct ReaderStatus {
    ReaderId reader = 0;     ///< as the DemandSink knows it
    std::string path = {};   ///< below the mountpoint
    std::uint64_t size = 0;  ///< of the file, in bytes
    pid_t thread = 0;        ///< that made the last READ; 0: there was none, or it cannot be seen from here
    RemoteReader remote = {};
    ByteRange window = {};  ///< of the file: from the reader's position to the end of its readahead
    std::uint64_t bytes_per_second = 0;  ///< at which it reads; 0 while that is not known
    bool scan = false;                   ///< it looks into files without showing them: nothing is read ahead
    std::size_t waiting = 0;             ///< READs that wait for bytes
    Duration waited{};                   ///< the longest of them, so far
};

}  // namespace btfs
