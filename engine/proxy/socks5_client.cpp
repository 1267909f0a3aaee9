#include "engine/proxy/socks5_client.hpp"

#include <algorithm>
#include <cassert>
#include <string_view>

#include "engine/proxy/socks_address.hpp"

namespace btfs::proxy {
namespace {

constexpr std::uint8_t kVersion = 5;
constexpr std::uint8_t kLoginVersion = 1;
constexpr std::uint8_t kNoLogin = 0, kUserAndPassword = 2, kNoMethod = 0xff;
constexpr std::size_t kPortSize = 2;
/// Version, reply, reserved byte, type of the address.
constexpr std::size_t kReplyHead = 4;

std::uint8_t byte_at(const Bytes& bytes, std::size_t index) {
    return std::to_integer<std::uint8_t>(bytes[index]);
}

void append_text(ByteWriter& out, std::string_view text) {
    const std::string_view cut = text.substr(0, ProxyUrl::kMaxCredential);
    out.u8(static_cast<std::uint8_t>(cut.size())).text(cut);
}

Error error_of(std::uint8_t reply) {
    switch (reply) {
        case 0:
            return {};
        case 3:  // network unreachable
        case 4:  // host unreachable
        case 5:  // connection refused
        case 6:  // TTL expired
            return Errc::proxy_host_unreachable;
        case 7:  // command not supported
        case 8:  // address type not supported
            return Errc::proxy_no_command;
        default:
            return Errc::proxy_refused;
    }
}

}  // namespace

Socks5Client::Socks5Client(Command command, HostPort to, Credentials credentials)
    : command_(command), to_(std::move(to)), credentials_(std::move(credentials)) {
    send_greeting();
}

void Socks5Client::send_greeting() {
    ByteWriter out(output_);
    out.u8(kVersion);
    if (credentials_.empty()) {
        out.u8(1).u8(kNoLogin);
    } else {
        out.u8(2).u8(kNoLogin).u8(kUserAndPassword);
    }
}

void Socks5Client::send_login() {
    ByteWriter out(output_);
    out.u8(kLoginVersion);
    append_text(out, credentials_.user);
    append_text(out, credentials_.password);
    state_ = State::login;
}

void Socks5Client::send_request() {
    ByteWriter out(output_);
    out.u8(kVersion).u8(static_cast<std::uint8_t>(command_)).u8(0);
    append_socks_address(out, to_);
    state_ = State::reply;
}

/// The size of the message that comes, as far as its bytes so far tell: when they are as many, it is whole or
/// tells more.
std::size_t Socks5Client::message_size() const {
    if (state_ != State::reply) return 2;
    if (message_.size() < kReplyHead) return kReplyHead;
    // The address of a failure means nothing, and some proxies leave it out.
    if (byte_at(message_, 0) != kVersion || byte_at(message_, 1) != 0) return kReplyHead;
    switch (byte_at(message_, 3)) {
        case kSocksIpv4:
            return kReplyHead + 4 + kPortSize;
        case kSocksIpv6:
            return kReplyHead + 16 + kPortSize;
        case kSocksName:
            return message_.size() == kReplyHead ? kReplyHead + 1
                                                 : kReplyHead + 1 + byte_at(message_, kReplyHead) + kPortSize;
        default:
            return kReplyHead;
    }
}

Result<std::size_t> Socks5Client::handle_bytes(ByteView bytes) {
    std::size_t taken = 0;
    while (state_ != State::done && taken < bytes.size()) {
        const std::size_t n = std::min(message_size() - message_.size(), bytes.size() - taken);
        message_.insert(message_.end(), bytes.begin() + static_cast<std::ptrdiff_t>(taken),
                        bytes.begin() + static_cast<std::ptrdiff_t>(taken + n));
        taken += n;
        assert(message_.size() <= kMaxMessage);
        if (message_.size() < message_size()) continue;
        if (const Error error = on_message()) return error;
        message_.clear();
    }
    return taken;
}

Error Socks5Client::on_message() {
    switch (state_) {
        case State::method:
            return on_method();
        case State::login:
            // The version is 1 by RFC 1929, and 5 of some proxies.
            if (byte_at(message_, 1) != 0) return Errc::proxy_login_refused;
            send_request();
            return {};
        case State::reply:
            return on_reply();
        case State::done:
            break;
    }
    return {};
}

Error Socks5Client::on_method() {
    if (byte_at(message_, 0) != kVersion) return Errc::proxy_malformed;
    switch (byte_at(message_, 1)) {
        case kNoLogin:
            send_request();
            return {};
        case kUserAndPassword:
            if (credentials_.empty()) return Errc::proxy_login_needed;
            send_login();
            return {};
        case kNoMethod:
            return credentials_.empty() ? Errc::proxy_login_needed : Errc::proxy_login_refused;
        default:
            return Errc::proxy_malformed;
    }
}

Error Socks5Client::on_reply() {
    if (byte_at(message_, 0) != kVersion) return Errc::proxy_malformed;
    if (const Error error = error_of(byte_at(message_, 1))) return error;
    ByteReader in(message_);
    in.take(kReplyHead);
    switch (byte_at(message_, 3)) {
        case kSocksIpv4:
            bound_.emplace().address = *Address::from_bytes(in.take(4));
            break;
        case kSocksIpv6:
            bound_.emplace().address = *Address::from_bytes(in.take(16));
            break;
        case kSocksName:
            break;
        default:
            return Errc::proxy_malformed;
    }
    if (bound_) bound_->port = in.u16();
    state_ = State::done;
    return {};
}

}  // namespace btfs::proxy
