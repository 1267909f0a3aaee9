// Timer that closes a socket whose time is up.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "engine/core/time.hpp"

namespace btfs::net {

/// Gives the operations of a socket a deadline: when it passes, the socket is closed, and they end with
/// operation_aborted. On the io_context's thread; the socket outlives this.
class ClosingTimer {
  public:
    explicit ClosingTimer(boost::asio::ip::tcp::socket& socket);
    ClosingTimer(const ClosingTimer&) = delete;
    ClosingTimer& operator=(const ClosingTimer&) = delete;
    ~ClosingTimer();

    /// Moves the deadline.
    void expires_at(TimePoint deadline);
    bool expired() const;

  private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the handler that waits
};

}  // namespace btfs::net
