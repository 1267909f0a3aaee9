// Stream: a connected byte stream, whatever carries it: TCP, uTP, either of them encrypted, or a web seed's
// stand-in.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"

namespace btfs::net {

/// Non-blocking. On the engine thread alone. Destroying it closes the connection and ends its waits; one that
/// had ended already may still be called afterwards.
class Stream {
  public:
    /// A wait has ended: try again, or the stream is broken.
    using Ready = std::function<void(Error)>;

    Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    virtual ~Stream() = default;

    /// Reads. Returns the number of bytes, 0 if none are there now, Errc::connection_closed at the end of the
    /// stream.
    virtual Result<std::size_t> read(std::span<const iovec> into) = 0;
    /// Writes. Returns the number of bytes taken, 0 if there is no room now.
    virtual Result<std::size_t> write(std::span<const iovec> from) = 0;
    /// Hints that wait_readable() need not end before so many bytes are there, the stream ends, or its buffer
    /// is full. Saves wake-ups.
    virtual void set_receive_low_water(std::size_t bytes) = 0;
    /// Has the next bytes acknowledged at once: a sender with Nagle's algorithm (most have it)
    /// holds back the last part of its data until then.
    virtual void acknowledge_soon() = 0;
    /// The round trip as it is now, and the shortest there was; nothing if they are not known.
    struct RoundTrip {
        Duration latest, shortest;
    };
    virtual std::optional<RoundTrip> round_trip() = 0;
    /// Packets with content that came over TCP, and those of them that came out of order. Nothing if the
    /// kernel does not tell, or the connection is no TCP connection with the peer itself.
    struct Reception {
        std::uint64_t packets, out_of_order;
    };
    virtual std::optional<Reception> reception() { return std::nullopt; }
    /// At most one wait of each kind is under way at a time.
    virtual void wait_readable(Ready ready) = 0;
    virtual void wait_writable(Ready ready) = 0;
    virtual const Endpoint& remote() const = 0;
    /// Our own address of the connection; unspecified if there is none.
    virtual Address local() const = 0;
    /// The host to which the connection's packets go: a proxy's if it leads through one.
    virtual Address next_host() const { return remote().address; }
    virtual bool is_utp() const { return false; }
};

}  // namespace btfs::net
