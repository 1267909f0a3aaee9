// Sink: where the machine's datagrams go, and how it asks for its next turn.
#pragma once

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"

namespace btfs::utp {

enum class Fragmentation : std::uint8_t {
    allowed,
    forbidden,  ///< a probe of the path's MTU
    early,      ///< the path may not carry the datagram: cut it for IPv6's least MTU before it leaves
};

/// Sends datagrams for Connections. On its thread; none of these functions may call Connections.
class Sink {
  public:
    virtual ~Sink() = default;
    /// The bytes stay valid until flush(). `from`: our address that the datagram leaves from; unspecified:
    /// any.
    virtual void send(const Endpoint& to, ByteView datagram, Fragmentation fragmentation,
                      const Address& from) = 0;
    virtual void flush() = 0;
    /// False while the socket is full: content waits, and Connections::handle_writable() follows.
    virtual bool has_room() const = 0;
    /// The application did something outside of a turn: Connections::end_turn() is to be called soon.
    virtual void want_turn() = 0;
};

}  // namespace btfs::utp
