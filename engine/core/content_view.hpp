// Bytes of verified content on their way to a peer.
#pragma once

#include <memory>

#include "engine/core/bytes.hpp"

namespace btfs {

/// Alive as long as this is held: `owner` keeps the memory, which uploads of several peers may share.
struct ContentView {
    ByteView bytes;
    std::shared_ptr<const void> owner;
};

}  // namespace btfs
