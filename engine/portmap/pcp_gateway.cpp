#include "engine/portmap/pcp_gateway.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "engine/portmap/boot_time.hpp"
#include "engine/portmap/library_errors.hpp"
#include "engine/portmap/pcp_exchange.hpp"

namespace btfs::portmap {
namespace {

/// Longest datagram of PCP, and one more, so that a longer one is seen to be too long.
constexpr std::size_t kDatagramSpace = 1101;

Error pcp_error(PcpResult result) {
    static const auto& errors = immortal_library_errors("PCP", pcp_result_text);
    return {static_cast<int>(result), errors};
}

Error last_system_error() {
    return {errno, boost::system::system_category()};
}

/// Socket address of one host.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    SocketAddress(const Address& address, std::uint16_t port, unsigned interface) {
        if (address.is_v4()) {
            sockaddr_in raw{};
            raw.sin_family = AF_INET;
            raw.sin_port = htons(port);
            std::memcpy(&raw.sin_addr, address.bytes().data(), sizeof raw.sin_addr);
            std::memcpy(&storage, &raw, size = sizeof raw);
        } else {
            sockaddr_in6 raw{};
            raw.sin6_family = AF_INET6;
            raw.sin6_port = htons(port);
            raw.sin6_scope_id = address.is_link_local() ? interface : 0;
            std::memcpy(&raw.sin6_addr, address.bytes().data(), sizeof raw.sin6_addr);
            std::memcpy(&storage, &raw, size = sizeof raw);
        }
    }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// UDP between our address and the router's port for PCP: being connected, the socket takes no datagram from
/// anywhere else.
class PcpSocket {
  public:
    PcpSocket() = default;
    PcpSocket(const PcpSocket&) = delete;
    PcpSocket& operator=(const PcpSocket&) = delete;
    ~PcpSocket() {
        if (socket_ >= 0) close(socket_);
    }

    Error open(const Router& router) {
        socket_ =
            socket(router.own.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (socket_ < 0) return last_system_error();
        const SocketAddress own(router.own, 0, router.interface);
        if (bind(socket_, own.get(), own.size) != 0) return last_system_error();
        const SocketAddress server(router.address, kPcpPort, router.interface);
        if (connect(socket_, server.get(), server.size) != 0) return last_system_error();
        return {};
    }

    /// A full queue counts as sent: the request comes again.
    Error send(ByteView datagram) {
        const bool sent = ::send(socket_, datagram.data(), datagram.size(), MSG_NOSIGNAL) >= 0;
        return sent || errno == EAGAIN || errno == EINTR ? Error{} : last_system_error();
    }

    /// Waits for a datagram for so long; returns an empty one if none has come.
    Result<ByteView> receive(Duration at_most) {
        pollfd waiting{socket_, POLLIN, 0};
        const auto time = std::chrono::ceil<std::chrono::milliseconds>(at_most);
        if (poll(&waiting, 1, std::max(static_cast<int>(time.count()), 0)) <= 0) return ByteView{};
        const ssize_t size = recv(socket_, buffer_.data(), buffer_.size(), 0);
        if (size >= 0) return ByteView(buffer_).first(static_cast<std::size_t>(size));
        if (errno == EAGAIN || errno == EINTR) return ByteView{};
        return last_system_error();
    }

  private:
    int socket_ = -1;
    std::array<std::byte, kDatagramSpace> buffer_;
};

class PcpGateway final : public PortGateway {
  public:
    PcpGateway(const Router& router, PcpServerState& state) : router_(router), state_(state) {}

    /// Asks whether the router speaks PCP. Any answer says that it does, but for the one that it does not.
    Error open() {
        if (Error error = socket_.open(router_)) return error;
        const auto reply = ask({.client = router_.own, .mapping = {}});
        if (!reply) return reply.error();
        return reply->result == PcpResult::unsupported_version ? pcp_error(reply->result) : Error{};
    }

    std::string name() const override { return "PCP at " + router_.address.text(); }

    Result<Address> external_address() override {
        if (!external_address_) return Errc::address_malformed;
        return *external_address_;
    }

    Result<PortMapping> map(Transport transport, std::uint16_t port,
                            std::uint16_t wanted_external_port) override {
        const auto reply = ask_for_mapping(transport, port, wanted_external_port, kMappingLease);
        if (!reply) return reply.error();
        if (reply->mapping->external_port == 0 || reply->lifetime == std::chrono::seconds::zero())
            return pcp_error(PcpResult::no_resources);
        external_address_ = reply->mapping->external_address;
        return PortMapping{reply->mapping->external_port, reply->lifetime};
    }

    Error unmap(Transport transport, std::uint16_t port, std::uint16_t) override {
        const auto reply = ask_for_mapping(transport, port, 0, {});
        return reply ? Error{} : reply.error();
    }

    std::chrono::seconds refusal_lasts() const override { return refusal_lasts_; }
    bool take_loss() override { return state_.take_loss(); }

  private:
    /// Returns a reply that has a mapping, and whose result is success.
    Result<PcpReply> ask_for_mapping(Transport transport, std::uint16_t port, std::uint16_t external_port,
                                     std::chrono::seconds lifetime) {
        refusal_lasts_ = {};
        const bool deletes = lifetime == std::chrono::seconds::zero();
        auto reply = ask({.client = router_.own,
                          .lifetime = lifetime,
                          .mapping = PcpRequest::Mapping{
                              .nonce = state_.nonce(transport, port),
                              .transport = transport,
                              .internal_port = port,
                              .wanted_port = external_port,
                              .wanted_address = deletes ? std::nullopt : external_address_,
                          }});
        if (!reply || reply->result == PcpResult::success) return reply;
        refusal_lasts_ = reply->lifetime;
        return pcp_error(reply->result);
    }

    Result<PcpReply> ask(PcpRequest request) {
        const TimePoint began = Clock::now();
        PcpExchange exchange(std::move(request), began,
                             static_cast<std::uint64_t>(began.time_since_epoch().count()));
        for (;;) {
            if (const auto datagram = exchange.poll_send(Clock::now()))
                if (Error error = socket_.send(*datagram)) return error;
            if (auto outcome = exchange.outcome(Clock::now())) {
                if (*outcome) state_.handle_reply(**outcome, boot_time());
                return *std::move(outcome);
            }
            const auto received = socket_.receive(exchange.wake_at() - Clock::now());
            if (!received) return received.error();
            exchange.handle_datagram(*received);
        }
    }

    const Router router_;
    PcpServerState& state_;
    PcpSocket socket_;
    std::optional<Address> external_address_;
    std::chrono::seconds refusal_lasts_{};
};

}  // namespace

Result<std::unique_ptr<PortGateway>> find_pcp_gateway(const Router& router, PcpServerState& state) {
    auto gateway = std::make_unique<PcpGateway>(router, state);
    if (Error error = gateway->open()) return error;
    return gateway;
}

}  // namespace btfs::portmap
