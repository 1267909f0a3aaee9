// Datagrams of a UDP socket, many in one system call, as Linux has it.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/datagram.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"

namespace btfs::net {

/// How a datagram may be cut on its way.
enum class Cutting : std::uint8_t {
    allowed,
    forbidden,  ///< IPv4: DF. It vanishes where it does not fit.
    early,      ///< IPv6: it leaves in fragments that fit everywhere
};

/// Asks the kernel for what datagrams need: large buffers, time stamps, several datagrams at a time (GRO),
/// ICMP errors, and fragments rather than lost datagrams. What the kernel does not have is done without.
void prepare_datagram_socket(int socket, AddressFamily family);

/// Has the kernel tell to which of our addresses each datagram was sent (ReceivedDatagram::to). For a socket
/// that is bound to none; any other has but one, and need not pay for it.
void tell_destinations(int socket, AddressFamily family);

/// Sends one datagram at once. `from` is our address that it leaves from; if that is unspecified, the kernel
/// chooses by its routes. operation_would_block if the socket is full.
Error send_datagram(int socket, const Endpoint& to, ByteView datagram, const Address& from = {});

/// Reads datagrams.
class DatagramReceiver {
  public:
    /// Messages of one system call. With GRO a message may be up to 64 datagrams of one sender.
    static constexpr std::size_t kMessages = 32;
    static constexpr std::size_t kMaxDatagram = 65536;
    /// ICMP errors looked at in one call.
    static constexpr int kMostErrors = 32;

    struct Batch {
        std::span<const ReceivedDatagram> datagrams;  ///< arrived_at by the kernel's time stamps
        std::size_t messages = 0;
        /// Hosts of which ICMP says that nothing listens at the port.
        std::span<const Endpoint> unreachable;
        bool drained = false;  ///< there is no more now
    };

    DatagramReceiver();
    /// At most `most` messages. What it returns is valid until the next call.
    Batch receive(int socket, std::size_t most = kMessages);

  private:
    /// An ICMP error comes with what a datagram has, and with the address of the host that sent it.
    using Control = std::array<std::byte, 192>;
    void read_errors(int socket);

    std::unique_ptr<std::byte[]> memory_;
    std::array<mmsghdr, kMessages> headers_{};
    std::array<iovec, kMessages> buffers_{};
    std::array<sockaddr_storage, kMessages> senders_{};
    std::array<Control, kMessages> controls_{};
    std::vector<ReceivedDatagram> datagrams_;
    std::vector<Endpoint> unreachable_;
};

/// Writes datagrams: those that are added leave together with flush(). Runs of equal size between two hosts
/// leave as one message (GSO). Those that the socket does not take are copied and wait.
class DatagramSender {
  public:
    static constexpr std::size_t kMessages = 64;
    /// Datagrams of one message, and their bytes.
    static constexpr std::size_t kSegments = 64, kMessageBytes = 65000;
    /// Datagrams that wait for the socket. Further ones are dropped.
    static constexpr std::size_t kMaxWaiting = 1024;

    DatagramSender(int socket, AddressFamily family) : socket_(socket), family_(family) {}

    /// The bytes stay valid until flush(). `from` as with send_datagram().
    void add(const Endpoint& to, ByteView datagram, Cutting cutting, const Address& from = {});
    void flush();
    /// False while datagrams wait: handle_writable() is to be called when the socket is writable.
    bool has_room() const { return waiting_.empty(); }
    void handle_writable();

  private:
    struct Message {
        Endpoint to;
        Address from;
        std::size_t first = 0, count = 0;  ///< in parts_
        std::size_t bytes = 0;
    };
    struct Waiting {
        Endpoint to;
        Bytes bytes;
        Cutting cutting;
        Address from;
    };
    void send_messages();
    void send_one_by_one(const Message& message);
    bool send_alone(const Endpoint& to, ByteView datagram, Cutting cutting, const Address& from);
    void keep(const Endpoint& to, ByteView datagram, Cutting cutting, const Address& from);

    const int socket_;
    const AddressFamily family_;
    bool gso_ = true;
    std::vector<iovec> parts_;
    std::vector<Message> messages_;
    std::deque<Waiting> waiting_;
};

}  // namespace btfs::net
