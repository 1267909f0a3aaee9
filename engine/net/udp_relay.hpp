// UdpRelay: the way of datagrams through a SOCKS5 proxy.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <optional>
#include <span>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "engine/net/asio_fwd.hpp"
#include "engine/net/datagram_io.hpp"
#include "engine/net/local_binding.hpp"
#include "engine/net/network_path.hpp"
#include "engine/net/task_group.hpp"

namespace btfs::net {

class Proxy;

/// Keeps a UDP association with the proxy, which lives as long as its TCP connection: one that ends is made
/// anew after a while. Datagrams go to the host that this connection leads to, whatever address the proxy
/// names as its relay's: a proxy must not aim us at others. On the engine thread, but for is_open().
class UdpRelay {
  public:
    static constexpr Duration kFirstRetry = 2s, kLongestRetry = 5min;
    static constexpr Duration kPatience = 10s;
    /// An association that lived for so long begins the retries anew; one that ends sooner is a failed try.
    static constexpr Duration kLasting = 1min;
    /// Datagrams that leave together at most.
    static constexpr std::size_t kMaxUnsent = 256;

    class Receiver {
      public:
        virtual ~Receiver() = default;
        /// Datagrams that came together, as their senders sent them; valid during the call.
        virtual void on_relayed(std::span<const ReceivedDatagram> datagrams) = 0;
        /// has_room() is true again.
        virtual void on_relay_writable() = 0;
        virtual void on_relay_opened() = 0;
    };

    /// The proxy outlives this; its sockets are bound in this way.
    UdpRelay(Proxy& proxy, LocalBinding binding);
    /// Makes the association from now on. The receiver outlives this.
    void start(Receiver& receiver);
    /// Our addresses or routes have changed: ends an association whose path is broken, and makes it anew at
    /// once.
    void handle_network_change();

    /// Any thread.
    bool is_open() const { return is_open_; }
    /// Our address towards the relay; unspecified while there is no association.
    Address local() const;
    /// The host of the relay; unspecified while there is no association.
    Address host() const { return opened_ ? opened_->relay.address : Address(); }
    /// Adds a datagram, which leaves with flush(), to an address or to the name that it stands for. Errors:
    /// proxy_no_udp, address_malformed for a stand-in that was forgotten.
    Error add(const Endpoint& to, ByteView payload, Cutting cutting);
    void flush();
    bool has_room() const { return !opened_ || opened_->sender.has_room(); }

  private:
    struct Opened {
        Opened(boost::asio::ip::udp::socket s, const Endpoint& to, boost::asio::ip::tcp::socket& connection,
               NetworkPath way)
            : socket(std::move(s)),
              relay(to),
              control(connection),
              path(std::move(way)),
              sender(socket.native_handle(), to.address.family()) {}
        boost::asio::ip::udp::socket socket;
        Endpoint relay;
        boost::asio::ip::tcp::socket& control;  ///< of run(); the association lives as long
        NetworkPath path;
        DatagramSender sender;
        bool waits_writable = false;
    };

    Awaitable<void> run();
    Error open(boost::asio::ip::tcp::socket& control, const std::optional<Endpoint>& bound);
    void tell(Error error);
    void wait();
    void wait_writable();
    void receive_all();

    Proxy& proxy_;
    const KernelRouting routing_;
    Receiver* receiver_ = nullptr;
    TaskGroup tasks_;
    boost::asio::steady_timer timer_;
    std::optional<Opened> opened_;
    std::uint64_t opening_ = 0;  ///< counts associations: handlers of an earlier one find another number
    std::atomic<bool> is_open_ = false;
    bool hurry_ = false;         ///< the next try does not wait
    std::optional<Error> told_;  ///< the outcome that the log has told last; a success has no error
    DatagramReceiver datagrams_;
    std::vector<ReceivedDatagram> parsed_;
    std::deque<Bytes> unsent_;  ///< datagrams until flush(); the first used_ of them are in use
    std::size_t used_ = 0;
};

}  // namespace btfs::net
