// ScriptedStream: a Stream without a socket, which takes and gives what a test says.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/core/bytes.hpp"
#include "engine/net/stream.hpp"

namespace btfs::net::test {

/// The record of its events outlives it.
struct Script {
    Bytes incoming;               ///< that read() gives
    Bytes written;                ///< that write() has taken
    std::size_t room = SIZE_MAX;  ///< that write() takes until there is more
    Error failure;                ///< of reads and writes, once it is set
    Stream::Ready readable, writable;

    void now_readable(Error error = {}) { std::exchange(readable, nullptr)(error); }
    void now_writable(Error error = {}) { std::exchange(writable, nullptr)(error); }
};

class ScriptedStream final : public Stream {
  public:
    explicit ScriptedStream(Script& script) : script_(script) {}

    Result<std::size_t> read(std::span<const iovec> into) override {
        if (script_.failure) return script_.failure;
        std::size_t done = 0;
        for (const iovec& part : into) {
            const std::size_t n = std::min(part.iov_len, script_.incoming.size());
            std::memcpy(part.iov_base, script_.incoming.data(), n);
            script_.incoming.erase(script_.incoming.begin(),
                                   script_.incoming.begin() + static_cast<std::ptrdiff_t>(n));
            done += n;
        }
        return done;
    }
    Result<std::size_t> write(std::span<const iovec> from) override {
        if (script_.failure) return script_.failure;
        std::size_t done = 0;
        for (const iovec& part : from) {
            const std::size_t n = std::min(part.iov_len, script_.room);
            ByteWriter(script_.written).bytes({static_cast<const std::byte*>(part.iov_base), n});
            script_.room -= n;
            done += n;
        }
        return done;
    }
    void set_receive_low_water(std::size_t) override {}
    void acknowledge_soon() override {}
    std::optional<RoundTrip> round_trip() override { return std::nullopt; }
    void wait_readable(Ready ready) override { script_.readable = std::move(ready); }
    void wait_writable(Ready ready) override { script_.writable = std::move(ready); }
    const Endpoint& remote() const override { return remote_; }
    Address local() const override { return {}; }

  private:
    Script& script_;
    Endpoint remote_ = *Endpoint::parse("192.0.2.1:6881");
};

}  // namespace btfs::net::test
