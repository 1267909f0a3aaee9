// All that a mount serves over HTTP: the page, streams, and Transmission's RPC.
#pragma once

#include <filesystem>
#include <memory>

#include "cli/rpc/transmission_rpc.hpp"
#include "cli/web/web_server.hpp"
#include "cli/web/web_setting.hpp"
#include "cli/web/web_site.hpp"

namespace btfs::cli {

class WebService {
  public:
    /// Listens; clients wait until start(). `state` is the folder of what the mount remembers; empty: there
    /// is none. `torrents` outlives this. Throws Failure if the address cannot be had.
    WebService(const WebSetting& setting, ServedTorrents& torrents, const std::filesystem::path& state,
               TransmissionRpc::Options rpc);

    /// Begins to answer. Called once at most.
    void start() { server_->start(); }

    Endpoint endpoint() const { return server_->endpoint(); }

  private:
    WebSite site_;
    TransmissionRpc rpc_;
    std::unique_ptr<WebServer> server_;  ///< last: it uses those above
};

}  // namespace btfs::cli
