// StreamDial: a connection to a peer that is being made over one transport.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>

#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "engine/net/stream.hpp"

namespace btfs::net {

/// Has no time-out of its own. Destroying it ends the attempt without a call. On the engine thread.
class StreamDial {
  public:
    struct Dialled {
        std::unique_ptr<Stream> stream;
        Duration took;  ///< until connected: one round trip, when the kernel made it in one try
    };
    /// Gets the connection or why there is none; once, and never within the function that made the dial. May
    /// destroy the dial.
    using Done = std::function<void(Result<Dialled>)>;

    StreamDial() = default;
    StreamDial(const StreamDial&) = delete;
    StreamDial& operator=(const StreamDial&) = delete;
    virtual ~StreamDial() = default;
};

/// Connects a TCP socket of SocketFactory::tcp().
std::unique_ptr<StreamDial> dial_tcp(boost::asio::ip::tcp::socket socket, const Endpoint& to,
                                     StreamDial::Done done);

/// Fails with `error`: there is nothing to try.
std::unique_ptr<StreamDial> dial_in_vain(boost::asio::io_context& io, Error error, StreamDial::Done done);

}  // namespace btfs::net
