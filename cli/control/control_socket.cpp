#include "cli/control/control_socket.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>

#include "cli/text/bounded_memory.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;
using Json = boost::json::object;

constexpr std::size_t kReceive = std::size_t{64} << 10;
constexpr int kWaiting = 64;  // clients that wait for their turn
/// Of a request in memory: its texts, which are on the line, and some structure around them.
constexpr std::size_t kMaxParsed = ControlSocket::kMaxLine + (std::size_t{1} << 20);
constexpr std::chrono::milliseconds kForEver{-1}, kPause{100};

Error last_error() {
    return {errno, boost::system::system_category()};
}

std::optional<sockaddr_un> address_of(const fs::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = path.string();
    if (name.size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
    return address;
}

/// Returns the user of the process at the other end; nothing if the kernel does not tell.
std::optional<uid_t> user_of(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
    return peer.uid;
}

bool may_ask(int client) {
    const auto user = user_of(client);
    return user && (*user == geteuid() || *user == 0);
}

/// Waits until the descriptor can be read. False: `end` could be read first, or there was nothing for so
/// long.
bool wait_readable(int fd, int end, std::chrono::milliseconds patience) {
    pollfd both[] = {{fd, POLLIN, 0}, {end, POLLIN, 0}};
    int ready;
    while ((ready = poll(both, 2, static_cast<int>(patience.count()))) < 0 && errno == EINTR) {
    }
    return ready > 0 && both[1].revents == 0;
}

/// Receives up to the end of a line. Nothing: the other side ends, is silent, or says too much; or `end` can
/// be read.
std::optional<std::string> receive_line(int socket, int end, std::chrono::milliseconds patience,
                                        std::string& received, std::size_t most) {
    std::size_t searched = 0;
    for (;;) {
        const std::size_t line_end = received.find('\n', searched);
        if (line_end != std::string::npos) {
            std::string line = received.substr(0, line_end);
            received.erase(0, line_end + 1);
            return line;
        }
        searched = received.size();
        if (received.size() > most || !wait_readable(socket, end, patience)) return std::nullopt;
        char buffer[kReceive];
        const ssize_t count = recv(socket, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return std::nullopt;
        received.append(buffer, static_cast<std::size_t>(count));
    }
}

/// Bounds how long connect() and send() wait: after kPatience they fail with EAGAIN.
void limit_sending(int socket) {
    const timeval patience{ControlSocket::kPatience.count() / 1000, 0};
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

/// Returns false if the other side has gone, or takes nothing for as long as the socket waits.
bool send_line(int socket, const std::string& line) {
    const std::string text = line + '\n';
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t count = send(socket, text.data() + at, text.size() - at, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        at += static_cast<std::size_t>(count);
    }
    return true;
}

Result<FileDescriptor> connect_to(const fs::path& path) {
    FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = address_of(path);
    if (!address) return Error{ENAMETOOLONG, boost::system::system_category()};
    if (!socket) return last_error();
    limit_sending(socket.get());  // a mount that is busy accepts nobody
    if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        return last_error();
    // Where folders are shared, others could listen in our mount's place.
    const auto listener = user_of(socket.get());
    if (!listener || (*listener != geteuid() && *listener != 0 && geteuid() != 0))
        return Error{EACCES, boost::system::system_category()};
    return socket;
}

std::string error_line(const std::string& message) {
    return boost::json::serialize(Json{{"error", message}});
}

}  // namespace

fs::path control_folder() {
    // A service of systemd with RuntimeDirectory= gets folders of its own, separated by colons.
    if (const char* const given = std::getenv("RUNTIME_DIRECTORY"); given != nullptr && *given == '/') {
        const std::string_view folders = given;
        return folders.substr(0, folders.find(':'));
    }
    const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
    if (runtime != nullptr && *runtime == '/') return fs::path(runtime) / "btfs";
    if (geteuid() == 0) return "/run/btfs";
    return "/tmp/btfs-" + std::to_string(geteuid());
}

Error make_private_folder(const fs::path& folder) {
    std::error_code ignored;
    fs::create_directories(folder.parent_path(), ignored);
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return last_error();
    struct stat status {};
    if (lstat(folder.c_str(), &status) != 0) return last_error();
    const bool ours = S_ISDIR(status.st_mode) && status.st_uid == geteuid() && (status.st_mode & 077) == 0;
    return ours ? Error{} : Error{EACCES, boost::system::system_category()};
}

Result<std::unique_ptr<ControlSocket>> ControlSocket::open(const fs::path& folder, const std::string& name,
                                                           Handler handler) {
    if (const Error error = make_private_folder(folder)) return error;
    fs::path path = folder / name;
    const auto address = address_of(path);
    if (!address) return Error{ENAMETOOLONG, boost::system::system_category()};
    FileDescriptor listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listening) return last_error();
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return last_error();
    // The folder keeps others away until the socket has its own mode.
    if (bind(listening.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        return last_error();
    if (chmod(path.c_str(), 0600) != 0 || listen(listening.get(), kWaiting) != 0) {
        const Error error = last_error();
        unlink(path.c_str());
        return error;
    }
    FileDescriptor end(eventfd(0, EFD_CLOEXEC)), a_turn(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!end || !a_turn) return last_error();
    return std::unique_ptr<ControlSocket>(new ControlSocket(
        std::move(listening), std::move(end), std::move(a_turn), std::move(path), std::move(handler)));
}

ControlSocket::ControlSocket(FileDescriptor listening, FileDescriptor end, FileDescriptor a_turn,
                             fs::path path, Handler handler)
    : listening_(std::move(listening)),
      end_(std::move(end)),
      a_turn_(std::move(a_turn)),
      path_(std::move(path)),
      handler_(std::move(handler)),
      thread_([this] { run(); }) {}

ControlSocket::~ControlSocket() {
    unlink(path_.c_str());
    eventfd_write(end_.get(), 1);
    thread_.join();
}

void ControlSocket::run() {
    for (;;) {
        const bool full = clients_.size() == kMaxClients;
        if (!wait_readable(full ? a_turn_.get() : listening_.get(), end_.get(), kForEver)) break;
        eventfd_t ended;
        eventfd_read(a_turn_.get(), &ended);
        clients_.remove_if([](const Client& client) { return client.ended.load(); });
        if (full) continue;
        FileDescriptor socket(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        // Without descriptors the client goes on waiting, and the socket can be read at once again.
        if (!socket) wait_readable(-1, end_.get(), kPause);
        if (!socket || !may_ask(socket.get())) continue;
        Client& client = clients_.emplace_back(std::move(socket));
        try {
            client.thread = std::jthread([this, &client] { serve(client); });
        } catch (const std::system_error&) {  // no more threads: this client is cut off
            clients_.pop_back();
        }
    }
    clients_.clear();  // waits for their threads
}

void ControlSocket::serve(Client& client) {
    const int socket = client.socket.get();
    limit_sending(socket);
    try {
        std::string received;
        while (const auto line = receive_line(socket, end_.get(), kPatience, received, kMaxLine))
            if (!send_line(socket, answer_to(*line))) break;
    } catch (const std::bad_alloc&) {  // a long line, and no memory for it
    }
    shutdown(socket, SHUT_RDWR);
    client.ended = true;
    eventfd_write(a_turn_.get(), 1);
}

std::string ControlSocket::answer_to(const std::string& line) const {
    BoundedMemory memory(kMaxParsed);
    try {
        boost::json::error_code error;
        const boost::json::value request = boost::json::parse(line, error, &memory);
        if (error || !request.is_object()) return error_line("not a JSON object");
        return boost::json::serialize(handler_(request.get_object()));
    } catch (const std::exception& failure) {
        return error_line(failure.what());
    }
}

bool is_listening(const fs::path& socket) {
    const auto connected = connect_to(socket);
    return connected || connected.error() == boost::system::errc::resource_unavailable_try_again;
}

Json ask(const fs::path& socket_path, const Json& request, std::chrono::milliseconds at_most) {
    const auto connected = connect_to(socket_path);
    if (!connected && connected.error() == boost::system::errc::resource_unavailable_try_again)
        throw NoAnswerInTime(socket_path.string() + ": the mount does not answer");
    if (!connected) throw Failure(socket_path.string(), connected.error());
    const FileDescriptor& socket = *connected;
    std::string received;
    std::optional<std::string> line;
    errno = 0;
    const bool sent = send_line(socket.get(), boost::json::serialize(request));
    if (sent) line = receive_line(socket.get(), -1, at_most, received, SIZE_MAX);
    // A mount that has gone has closed the connection.
    if (!line && (sent ? !wait_readable(socket.get(), -1, std::chrono::milliseconds(0))
                       : errno == EAGAIN || errno == EWOULDBLOCK))
        throw NoAnswerInTime(socket_path.string() + ": the mount does not answer");
    boost::json::error_code error;
    const boost::json::value answer = line ? boost::json::parse(*line, error) : boost::json::value{};
    if (!line || error || !answer.is_object())
        throw Failure(socket_path.string() + ": the mount does not answer");
    const auto* const failed = answer.get_object().if_contains("error");
    if (failed != nullptr && failed->is_string()) throw Failure(std::string(failed->get_string()));
    return answer.get_object();
}

}  // namespace btfs::cli
