// Client that GETs over HTTP and HTTPS, for trackers and torrent files.
#pragma once

#include <cstddef>
#include <string>

#include "engine/core/error.hpp"
#include "engine/net/asio_fwd.hpp"
#include "engine/net/http_connection.hpp"
#include "engine/net/http_message.hpp"
#include "engine/net/socket_factory.hpp"

namespace btfs::net {

/// GETs over HTTP/1.1, one connection each, over TLS with verified certificates for https. A host's addresses
/// are tried as connect_to_first() does. Follows redirects, but none from a public address to a loopback or
/// private one, none from https to http, and none to a magnet link, which is given. Sends the URL's
/// credentials to its own origin alone. Used on the io_context's thread.
class HttpClient {
  public:
    static constexpr unsigned kMaxRedirects = 5;
    static constexpr std::size_t kMaxHeaderSize = 64 * 1024;

    struct Options {
        std::string user_agent = "btfs";
        /// Certificates to trust in place of the machine's.
        std::string ca_file;
    };

    /// Both outlive this.
    HttpClient(Connector& connector, Options options);
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// A response of any status but a redirect that can be followed; else http_bad_url, http_too_large,
    /// http_malformed, http_too_many_redirects, http_redirect_refused, http_redirect_insecure,
    /// http_local_refused, name_not_found, resolver_busy, timed_out, connection_closed, or an error of the
    /// system or of TLS. Can be cancelled. The client outlives the coroutine.
    Awaitable<Result<HttpResponse>> get(HttpRequest request);
    /// For exchanges that are no single GET.
    HttpConnector& connector() { return connector_; }
    const Options& options() const { return options_; }

  private:
    class Exchange;

    const Options options_;
    HttpConnector connector_;
};

}  // namespace btfs::net
