// The web server of a mount.
#pragma once

#include <memory>

#include "cli/web/web_site.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"

namespace btfs::cli {

/// Serves a WebSite over HTTP/1.1 on threads of its own. At most kMaxConnections are open; another one closes
/// the one that has been silent for longest, of those
/// that wait for no answer if there are any.
class WebServer {
  public:
    static constexpr std::size_t kMaxConnections = 512;

    /// Listens there; port 0 takes one that is free. Clients wait until start(). The site outlives this. A
    /// system error if the address cannot be had.
    static Result<std::unique_ptr<WebServer>> open(const Endpoint& where, WebSite& site);
    /// Begins to answer. Called once at most.
    void start();
    /// Cuts all connections off, and waits for what they have asked of the mount's worker. The mount's
    /// waiting reads have failed before.
    ~WebServer();
    WebServer(const WebServer&) = delete;
    WebServer& operator=(const WebServer&) = delete;

    Endpoint endpoint() const;

  private:
    class Shell;

    explicit WebServer(std::unique_ptr<Shell> shell);

    const std::unique_ptr<Shell> shell_;
};

}  // namespace btfs::cli
