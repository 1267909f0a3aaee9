// Client's side of a SOCKS5 negotiation (RFC 1928, login by RFC 1929).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/host_port.hpp"
#include "engine/proxy/proxy_url.hpp"

namespace btfs::proxy {

/// Machine without a socket. Its owner sends take_output(), hands in what comes, and goes on until done() or
/// an error. After an error the machine is of no more use. Memory: one message of at most kMaxMessage bytes.
class Socks5Client {
  public:
    enum class Command : std::uint8_t { connect = 1, udp_associate = 3 };
    /// The longest message of a proxy: a reply that names its address by a name.
    static constexpr std::size_t kMaxMessage = 4 + 1 + 255 + 2;

    /// `to`: where to connect to; of udp_associate: from where datagrams will come, port 0 if that is not
    /// known.
    Socks5Client(Command command, HostPort to, Credentials credentials);

    /// Bytes to send now; empty if the proxy is to speak.
    Bytes take_output() { return std::exchange(output_, {}); }
    /// Takes bytes that the proxy sent. Returns how many: bytes behind the negotiation's end are not taken,
    /// they are the other side's. Errors: proxy_malformed; proxy_login_needed or proxy_login_refused;
    /// proxy_refused, proxy_host_unreachable, or proxy_no_command for the replies of RFC 1928.
    Result<std::size_t> handle_bytes(ByteView bytes);
    bool done() const { return state_ == State::done; }
    /// True once the request itself was sent: the next reply tells of the other side, not of the proxy.
    bool has_requested() const { return state_ >= State::reply; }
    /// The address of the proxy's reply: of udp_associate where datagrams are to be sent. Nothing if the
    /// proxy told a name. May be unspecified (0.0.0.0), or a lie.
    const std::optional<Endpoint>& bound() const { return bound_; }

  private:
    enum class State : std::uint8_t { method, login, reply, done };

    std::size_t message_size() const;
    Error on_message();
    Error on_method();
    Error on_reply();
    void send_greeting();
    void send_login();
    void send_request();

    const Command command_;
    const HostPort to_;
    const Credentials credentials_;
    State state_ = State::method;
    Bytes output_;
    Bytes message_;  ///< the part of the proxy's message that has come
    std::optional<Endpoint> bound_;
};

}  // namespace btfs::proxy
