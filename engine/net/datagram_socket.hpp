// UDP socket of the event loop, read in turns.
#pragma once

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>

#include "engine/core/error.hpp"
#include "engine/core/time.hpp"

namespace btfs::net {

/// A socket that calls its owner when there is something to read. While datagrams flow, that is every kRest,
/// and not for each datagram: what a turn costs is shared by all that came meanwhile. Asio's loop wakes for
/// whatever comes to a socket that is in it, awaited or not; so meanwhile the socket is taken out of the
/// loop. On the engine thread.
class DatagramSocket {
  public:
    using Socket = boost::asio::ip::udp::socket;
    struct Turn {
        bool any = false;      ///< something was read
        bool drained = false;  ///< there is no more now
    };
    static constexpr Duration kRest = 1ms;
    /// They flow from a turn that begins this soon after another one that read something, until nothing has
    /// come for as long.
    static constexpr Duration kFlowing = 2 * kRest;

    /// `turn` reads some of what there is; it does not end this.
    DatagramSocket(Socket socket, std::function<Turn()> turn);
    ~DatagramSocket();
    DatagramSocket(const DatagramSocket&) = delete;
    DatagramSocket& operator=(const DatagramSocket&) = delete;

    int handle() const { return handle_; }
    std::uint16_t port() const { return port_; }
    /// Calls `writable` once when the socket may take datagrams again, or somewhat earlier.
    void when_writable(std::function<void()> writable);

  private:
    bool in_loop() const { return socket_.is_open(); }
    void wait();
    void rest_until(TimePoint time);
    void take_turn();
    void await_writable();
    void tell_writable();

    Socket socket_;  ///< closed while it is out of the loop
    const int handle_;
    const std::uint16_t port_;
    const boost::asio::ip::udp protocol_;
    const std::function<Turn()> turn_;
    std::function<void()> writable_;  ///< null: nobody waits
    boost::asio::steady_timer rest_;
    TimePoint last_read_{};   ///< when the last turn began that read something
    TimePoint next_entry_{};  ///< when the loop is asked again to take it
};

}  // namespace btfs::net
