// Watches the machine's addresses and routes.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>

#include "engine/core/error.hpp"
#include "engine/net/debounce.hpp"
#include "engine/net/network_path.hpp"

namespace btfs::net {

/// Calls its owner when an address or the default route is another one, as when a laptop changes networks or
/// a VPN comes up. The kernel's messages (rtnetlink) only say when to look: routers renew addresses and
/// routes all the time without changing them. On the engine thread.
class NetworkWatch {
  public:
    using OnChange = std::function<void()>;
    /// A change of networks is a burst of messages. It is over when none came for so long, or after kLongest.
    static constexpr Duration kQuiet = std::chrono::milliseconds(200);
    static constexpr Duration kLongest = std::chrono::seconds(1);

    /// `routing` outlives this.
    NetworkWatch(boost::asio::io_context& io, const KernelRouting& routing, OnChange on_change);

    /// A system error if the kernel has no rtnetlink for us; then nothing is told.
    Error open();
    void close();

  private:
    void wait();
    /// False if there are no more messages for now.
    bool read_one();
    void arm_timer();

    const KernelRouting& routing_;
    const OnChange on_change_;
    boost::asio::posix::stream_descriptor socket_;
    boost::asio::steady_timer timer_;
    Debounce debounce_{kQuiet, kLongest};
    KernelRouting::Snapshot known_;
};

}  // namespace btfs::net
