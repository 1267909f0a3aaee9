#include "engine/net/datagram_io.hpp"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <optional>

#include "engine/net/system_error.hpp"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace btfs::net {
namespace {

/// Asked for; without privileges the kernel grants what its sysctls allow.
constexpr int kReceiveBuffer = 4 * 1024 * 1024, kSendBuffer = 1024 * 1024;
/// A time stamp that is older than this is not believed: the wall clock has been set.
constexpr Duration kOldestArrival = std::chrono::seconds(1);
constexpr int kLeastMtuV6 = 1280;

void set_option(int socket, int level, int option, int value) {
    (void)setsockopt(socket, level, option, &value, sizeof value);
}

void set_cutting(int socket, AddressFamily family, Cutting cutting) {
    if (family == AddressFamily::v4) {
        set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER,
                   cutting == Cutting::forbidden ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT);
        return;
    }
    set_option(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
               cutting == Cutting::forbidden ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_DONT);
    set_option(socket, IPPROTO_IPV6, IPV6_DONTFRAG, cutting == Cutting::forbidden ? 1 : 0);
    set_option(socket, IPPROTO_IPV6, IPV6_MTU, cutting == Cutting::early ? kLeastMtuV6 : 0);
}

Endpoint to_endpoint(const sockaddr_storage& from) {
    if (from.ss_family == AF_INET) {
        const auto& in = reinterpret_cast<const sockaddr_in&>(from);
        return {*Address::from_bytes(std::as_bytes(std::span(&in.sin_addr, 1))), ntohs(in.sin_port)};
    }
    const auto& in = reinterpret_cast<const sockaddr_in6&>(from);
    return {*Address::from_bytes(std::as_bytes(std::span(&in.sin6_addr, 1))), ntohs(in.sin6_port)};
}

socklen_t to_sockaddr(const Endpoint& to, sockaddr_storage& out) {
    out = {};
    const ByteView address = to.address.bytes();
    if (to.address.is_v4()) {
        auto& in = reinterpret_cast<sockaddr_in&>(out);
        in.sin_family = AF_INET;
        in.sin_port = htons(to.port);
        std::memcpy(&in.sin_addr, address.data(), address.size());
        return sizeof in;
    }
    auto& in = reinterpret_cast<sockaddr_in6&>(out);
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(to.port);
    std::memcpy(&in.sin6_addr, address.data(), address.size());
    return sizeof in;
}

Duration wall_clock() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

struct ControlData {
    std::size_t segment = 0;  ///< size of each datagram but the last; 0: there is one alone
    std::optional<Duration> stamp;
    Address to;
};

ControlData read_control(msghdr& message) {
    ControlData data;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
            int size = 0;
            std::memcpy(&size, CMSG_DATA(c), sizeof size);
            data.segment = size > 0 ? static_cast<std::size_t>(size) : 0;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            timespec stamp{};
            std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
            data.stamp = std::chrono::seconds(stamp.tv_sec) + std::chrono::nanoseconds(stamp.tv_nsec);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            // Answers to a broadcast leave from here, too; ipi_addr would be the broadcast's own address.
            data.to = *Address::from_bytes(std::as_bytes(std::span(&info.ipi_spec_dst, 1)));
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            data.to = *Address::from_bytes(std::as_bytes(std::span(&info.ipi6_addr, 1)));
            if (data.to.is_multicast()) data.to = {};
        }
    }
    return data;
}

/// Control data of a message that is to be sent: the address that it leaves from, and the size of its
/// datagrams.
struct alignas(cmsghdr) SendControl {
    std::byte bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(std::uint16_t))];
};

template <class Value>
void append_control(msghdr& header, SendControl& control, int level, int type, const Value& value) {
    std::byte* const at = control.bytes + header.msg_controllen;
    cmsghdr c{};
    c.cmsg_level = level;
    c.cmsg_type = type;
    c.cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(at, &c, sizeof c);
    std::memcpy(at + CMSG_LEN(0), &value, sizeof value);
    header.msg_control = control.bytes;
    header.msg_controllen += CMSG_SPACE(sizeof value);
}

/// The interface stays the choice of the routes.
void append_source(msghdr& header, SendControl& control, const Address& from) {
    if (from.is_unspecified()) return;
    const ByteView address = from.bytes();
    if (from.is_v4()) {
        in_pktinfo info{};
        std::memcpy(&info.ipi_spec_dst, address.data(), address.size());
        append_control(header, control, IPPROTO_IP, IP_PKTINFO, info);
    } else {
        in6_pktinfo info{};
        std::memcpy(&info.ipi6_addr, address.data(), address.size());
        append_control(header, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
}

bool is_empty_or_full(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

void prepare_datagram_socket(int socket, AddressFamily family) {
    set_option(socket, SOL_SOCKET, SO_RCVBUF, kReceiveBuffer);
    set_option(socket, SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBuffer);
    set_option(socket, SOL_SOCKET, SO_SNDBUF, kSendBuffer);
    set_option(socket, SOL_SOCKET, SO_SNDBUFFORCE, kSendBuffer);
    set_option(socket, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    set_option(socket, SOL_UDP, UDP_GRO, 1);
    if (family == AddressFamily::v4)
        set_option(socket, IPPROTO_IP, IP_RECVERR, 1);
    else
        set_option(socket, IPPROTO_IPV6, IPV6_RECVERR, 1);
    set_cutting(socket, family, Cutting::allowed);
}

void tell_destinations(int socket, AddressFamily family) {
    if (family == AddressFamily::v4)
        set_option(socket, IPPROTO_IP, IP_PKTINFO, 1);
    else
        set_option(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

Error send_datagram(int socket, const Endpoint& to, ByteView datagram, const Address& from) {
    sockaddr_storage address;
    SendControl control{};
    iovec content{const_cast<std::byte*>(datagram.data()), datagram.size()};
    msghdr header{};
    header.msg_name = &address;
    header.msg_namelen = to_sockaddr(to, address);
    header.msg_iov = &content;
    header.msg_iovlen = 1;
    append_source(header, control, from);
    // The first error may be ICMP's answer to an earlier datagram, to whomever.
    for (int tries = 1;; ++tries) {
        if (sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return {};
        if (tries == 2 || is_empty_or_full(errno) || errno == EMSGSIZE || errno == ENOBUFS)
            return last_error();
    }
}

// ---- receiving ----

DatagramReceiver::DatagramReceiver()
    : memory_(std::make_unique_for_overwrite<std::byte[]>(kMessages * kMaxDatagram)) {
    for (std::size_t i = 0; i < kMessages; ++i) {
        buffers_[i] = {memory_.get() + i * kMaxDatagram, kMaxDatagram};
        msghdr& header = headers_[i].msg_hdr;
        header.msg_iov = &buffers_[i];
        header.msg_iovlen = 1;
        header.msg_name = &senders_[i];
        header.msg_namelen = sizeof senders_[i];
        header.msg_control = controls_[i].data();
        header.msg_controllen = sizeof(Control);
    }
}

DatagramReceiver::Batch DatagramReceiver::receive(int socket, std::size_t most) {
    datagrams_.clear();
    unreachable_.clear();
    Batch batch;
    const auto wanted = static_cast<unsigned>(std::min(most, kMessages));
    int count = recvmmsg(socket, headers_.data(), wanted, MSG_DONTWAIT, nullptr);
    if (count < 0) {
        batch.drained = is_empty_or_full(errno);
        // ICMP's answers to datagrams sent before, and probes that our own device does not carry. Whether or
        // not the call told of one: poll wakes for as long as there are any.
        read_errors(socket);
        count = 0;
    }
    const TimePoint now = Clock::now();
    const Duration wall = wall_clock();
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        msghdr& header = headers_[i].msg_hdr;
        const ControlData control = read_control(header);
        const Endpoint from = to_endpoint(senders_[i]);
        TimePoint arrived_at = now;
        if (control.stamp && *control.stamp <= wall && wall - *control.stamp <= kOldestArrival)
            arrived_at = now - (wall - *control.stamp);
        ByteView rest(memory_.get() + i * kMaxDatagram, headers_[i].msg_len);
        const std::size_t segment = control.segment > 0 ? control.segment : rest.size();
        do {
            const std::size_t size = std::min(segment, rest.size());
            datagrams_.push_back({from, control.to, rest.first(size), arrived_at});
            rest = rest.subspan(size);
        } while (!rest.empty());
        header.msg_namelen = sizeof senders_[i];
        header.msg_controllen = sizeof(Control);
    }
    batch.datagrams = datagrams_;
    batch.messages = static_cast<std::size_t>(count);
    batch.unreachable = unreachable_;
    return batch;
}

void DatagramReceiver::read_errors(int socket) {
    for (int i = 0; i < kMostErrors; ++i) {
        sockaddr_storage to{};
        Control control;
        std::byte content[1];
        iovec buffer{content, sizeof content};
        msghdr message{};
        message.msg_name = &to;
        message.msg_namelen = sizeof to;
        message.msg_iov = &buffer;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = sizeof control;
        if (recvmsg(socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
        for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
            const bool error = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                               (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
            sock_extended_err what{};
            if (!error) continue;
            std::memcpy(&what, CMSG_DATA(c), sizeof what);
            if (what.ee_errno == ECONNREFUSED && message.msg_namelen > 0)
                unreachable_.push_back(to_endpoint(to));
        }
    }
}

// ---- sending ----

void DatagramSender::add(const Endpoint& to, ByteView datagram, Cutting cutting, const Address& from) {
    // Over IPv4 routers cut what is too large.
    if (family_ == AddressFamily::v4 && cutting == Cutting::early) cutting = Cutting::allowed;
    if (!waiting_.empty()) return keep(to, datagram, cutting, from);  // not before those that wait
    if (cutting != Cutting::allowed) {
        flush();
        if (!send_alone(to, datagram, cutting, from)) keep(to, datagram, cutting, from);
        return;
    }
    // A run: equal sizes, but for the last one, which may be shorter.
    Message* last = messages_.empty() ? nullptr : &messages_.back();
    const bool joins =
        last && gso_ && last->count < kSegments && last->bytes + datagram.size() <= kMessageBytes &&
        datagram.size() <= parts_[last->first].iov_len &&
        parts_.back().iov_len == parts_[last->first].iov_len && last->to == to && last->from == from;
    if (!joins) {
        if (messages_.size() == kMessages) flush();
        messages_.push_back({to, from, parts_.size(), 0, 0});
        last = &messages_.back();
    }
    parts_.push_back({const_cast<std::byte*>(datagram.data()), datagram.size()});
    ++last->count;
    last->bytes += datagram.size();
}

void DatagramSender::flush() {
    if (messages_.empty()) return;
    send_messages();
    messages_.clear();
    parts_.clear();
}

void DatagramSender::send_messages() {
    std::array<mmsghdr, kMessages> headers;
    std::array<sockaddr_storage, kMessages> addresses;
    std::array<SendControl, kMessages> controls;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
        const Message& message = messages_[i];
        msghdr& header = headers[i].msg_hdr;
        header = {};
        header.msg_name = &addresses[i];
        header.msg_namelen = to_sockaddr(message.to, addresses[i]);
        header.msg_iov = parts_.data() + message.first;
        header.msg_iovlen = message.count;
        controls[i] = {};
        append_source(header, controls[i], message.from);
        if (message.count > 1)
            append_control(header, controls[i], SOL_UDP, UDP_SEGMENT,
                           static_cast<std::uint16_t>(parts_[message.first].iov_len));
    }
    int errors = 0;
    for (std::size_t i = 0; i < messages_.size();) {
        const int sent = sendmmsg(socket_, headers.data() + i, static_cast<unsigned>(messages_.size() - i),
                                  MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            i += static_cast<std::size_t>(sent);
            errors = 0;
            continue;
        }
        if (is_empty_or_full(errno)) {
            for (; i < messages_.size(); ++i)
                for (std::size_t j = 0; j < messages_[i].count; ++j) {
                    const iovec& part = parts_[messages_[i].first + j];
                    keep(messages_[i].to, {static_cast<const std::byte*>(part.iov_base), part.iov_len},
                         Cutting::allowed, messages_[i].from);
                }
            return;
        }
        if (errno == ENOBUFS) {  // the device's queue is full, though the socket is not: they are lost there
            ++i;
            continue;
        }
        if (messages_[i].count > 1) {  // this way out has no GSO, or no room for packets of the size
            gso_ = errno != EIO && errno != EOPNOTSUPP;
            send_one_by_one(messages_[i++]);
            continue;
        }
        // The error may be ICMP's answer to an earlier datagram: the second try tells.
        if (++errors > 1) {
            errors = 0;
            ++i;
        }
    }
}

void DatagramSender::send_one_by_one(const Message& message) {
    for (std::size_t j = 0; j < message.count; ++j) {
        const iovec& part = parts_[message.first + j];
        const ByteView datagram(static_cast<const std::byte*>(part.iov_base), part.iov_len);
        if (!waiting_.empty() || !send_alone(message.to, datagram, Cutting::allowed, message.from))
            keep(message.to, datagram, Cutting::allowed, message.from);
    }
}

/// False if the socket is full.
bool DatagramSender::send_alone(const Endpoint& to, ByteView datagram, Cutting cutting, const Address& from) {
    if (cutting != Cutting::allowed) set_cutting(socket_, family_, cutting);
    const Error error = send_datagram(socket_, to, datagram, from);
    if (cutting != Cutting::allowed) set_cutting(socket_, family_, Cutting::allowed);
    return error != boost::system::errc::operation_would_block;
}

void DatagramSender::keep(const Endpoint& to, ByteView datagram, Cutting cutting, const Address& from) {
    if (waiting_.size() < kMaxWaiting)
        waiting_.push_back({to, Bytes(datagram.begin(), datagram.end()), cutting, from});
}

void DatagramSender::handle_writable() {
    while (!waiting_.empty()) {
        const Waiting& next = waiting_.front();
        if (!send_alone(next.to, next.bytes, next.cutting, next.from)) return;
        waiting_.pop_front();
    }
}

}  // namespace btfs::net
