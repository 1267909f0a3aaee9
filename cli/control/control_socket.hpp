// Socket over which other commands speak to a running mount.
#pragma once

#include <atomic>
#include <boost/json/object.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "cache/disk/file_descriptor.hpp"
#include "cli/process/failure.hpp"
#include "engine/core/error.hpp"

namespace btfs::cli {

/// The folder of this user's control sockets: $RUNTIME_DIRECTORY of a service, $XDG_RUNTIME_DIR/btfs,
/// /run/btfs for root, or a folder in /tmp. The socket in a service's folder is found through the mount's
/// record.
std::filesystem::path control_folder();

/// Makes a folder for this user alone, and the one above it, if need be. EACCES: it is there, but it is a
/// symlink, another user's, or others may enter it.
Error make_private_folder(const std::filesystem::path& folder);

/// A Unix socket (mode 0600, in a folder of mode 0700). A client, which is the same user or root, sends
/// requests, each a JSON object on a line of at most kMaxLine bytes, and gets a JSON object on a line for
/// each: {"error": "..."} if it failed. A client that says nothing for kPatience, or something else, is cut
/// off. Each client has a thread of its own, so that a request that waits for the disk holds up no other;
/// kMaxClients are served at once, and the next ones wait for their turn.
class ControlSocket {
  public:
    /// A torrent file of the largest size, in base64, and some more.
    static constexpr std::size_t kMaxLine = std::size_t{90} << 20;
    static constexpr std::chrono::milliseconds kPatience{2000};
    static constexpr std::size_t kMaxClients = 8;

    /// Answers a request; called on several threads at the same time. Throws Failure if it cannot be carried
    /// out; the client gets its message.
    using Handler = std::function<boost::json::object(const boost::json::object& request)>;

    /// Makes the folder and the socket `name` in it, in place of one that an earlier process has left. A
    /// system error if that fails.
    static Result<std::unique_ptr<ControlSocket>> open(const std::filesystem::path& folder,
                                                       const std::string& name, Handler handler);
    /// Removes the socket, and waits for requests that are being carried out, not for clients.
    ~ControlSocket();
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

    const std::filesystem::path& path() const { return path_; }

  private:
    ControlSocket(FileDescriptor listening, FileDescriptor end, FileDescriptor a_turn,
                  std::filesystem::path path, Handler handler);
    struct Client {
        explicit Client(FileDescriptor accepted) : socket(std::move(accepted)) {}
        FileDescriptor socket;
        std::atomic<bool> ended = false;
        std::jthread thread;
    };

    void run();
    void serve(Client& client);
    std::string answer_to(const std::string& line) const;

    const FileDescriptor listening_;
    const FileDescriptor end_;     ///< an eventfd: readable when this is being destroyed
    const FileDescriptor a_turn_;  ///< an eventfd: readable when a client has ended
    const std::filesystem::path path_;
    const Handler handler_;
    std::list<Client> clients_;  ///< of run() alone
    std::thread thread_;
};

/// Returns true if a process listens at that path, busy or not.
bool is_listening(const std::filesystem::path& socket);

/// A mount that has its socket did not answer in time: it is busy.
class NoAnswerInTime : public Failure {
  public:
    using Failure::Failure;
};

/// Sends the request to the socket and waits for its answer, for so long at most. Throws Failure: nobody
/// answers, or the answer is an error; NoAnswerInTime.
boost::json::object ask(const std::filesystem::path& socket, const boost::json::object& request,
                        std::chrono::milliseconds at_most = std::chrono::seconds(60));

}  // namespace btfs::cli
