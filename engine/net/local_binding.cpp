#include "engine/net/local_binding.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace btfs::net {
namespace {

Error last_error() {
    return {errno, boost::system::system_category()};
}

int bind_to(int socket, const Address& address) {
    const ByteView raw = address.bytes();
    if (address.is_v4()) {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        std::memcpy(&name.sin_addr, raw.data(), raw.size());
        return ::bind(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name);
    }
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    std::memcpy(&name.sin6_addr, raw.data(), raw.size());
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name);
}

}  // namespace

Error apply_binding(int socket, AddressFamily family, const LocalBinding& binding) {
    if (!binding.allows(family)) return {EAFNOSUPPORT, boost::system::system_category()};
    if (!binding.device.empty() && setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, binding.device.data(),
                                              static_cast<socklen_t>(binding.device.size())) != 0)
        return last_error();
    const std::optional<Address>& address = family == AddressFamily::v4 ? binding.v4 : binding.v6;
    if (address && bind_to(socket, *address) != 0) return last_error();
    return {};
}

}  // namespace btfs::net
