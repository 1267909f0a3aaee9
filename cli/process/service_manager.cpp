#include "cli/process/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace btfs::cli {
namespace {

Error system_error(int number) {
    return {number, boost::system::system_category()};
}

}  // namespace

Error notify_service_manager(std::string_view assignments) {
    const char* const variable = std::getenv("NOTIFY_SOCKET");
    if (variable == nullptr || *variable == '\0') return {};
    const std::string_view name = variable;
    if (name[0] != '/' && name[0] != '@') return system_error(EAFNOSUPPORT);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name.size() >= sizeof address.sun_path) return system_error(ENAMETOOLONG);
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    // An abstract name has no end of its own: the length says where it ends.
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());

    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return system_error(errno);
    const ssize_t sent = sendto(socket, assignments.data(), assignments.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                reinterpret_cast<const sockaddr*>(&address), length);
    const int number = errno;
    close(socket);
    return sent < 0 ? system_error(number) : Error{};
}

}  // namespace btfs::cli
