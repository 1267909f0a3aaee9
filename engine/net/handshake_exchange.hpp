// HandshakeExchange: carries the bytes of a handshake machine over a stream until the machine is done.
#pragma once

#include <functional>
#include <memory>

#include "engine/core/bytes.hpp"
#include "engine/mse/handshake.hpp"
#include "engine/net/stream.hpp"

namespace btfs::net {

/// A shell: reads what comes, kReadSize at most at a time, and writes what the machine says. Its owner bounds
/// the time. Destroying it ends it without a call. On the engine thread.
class HandshakeExchange {
  public:
    /// Bytes that may have been read beyond the handshake; the machine gives them back.
    static constexpr std::size_t kReadSize = 2048;

    /// The machine's functions of these names; see mse::Side.
    struct Machine {
        std::function<Result<mse::Progress>(ByteView)> handle_bytes;
        std::function<Bytes()> take_output;
    };
    /// Called once: without an error when the machine is done and all that it said is written, else with the
    /// error of the machine or the stream. May destroy the exchange.
    using Ended = std::function<void(Error)>;

    /// The stream and what the machine refers to outlive the exchange.
    HandshakeExchange(Stream& stream, Machine machine, Ended ended);
    /// Calls `ended` from inside if the stream fails at once.
    void start();

  private:
    void wait_readable();
    void on_readable(Error error);
    /// Returns false if the exchange has ended, and may be destroyed.
    bool write();
    void end(Error error);

    Stream& stream_;
    const Machine machine_;
    Ended ended_;
    Bytes unsent_;  ///< a few messages of the handshake at most
    bool done_ = false;
    bool waiting_to_write_ = false;
    /// Told to waits of the stream that have ended already.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace btfs::net
