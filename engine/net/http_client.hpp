// GET over HTTP and HTTPS.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "engine/net/resolver.hpp"
#include "engine/net/socket_factory.hpp"

namespace btfs::net {

struct HttpRequest {
    std::string url;
    /// Over this address family alone.
    std::optional<AddressFamily> family;
    /// For all of it: looking up, redirects, the body.
    Duration timeout = std::chrono::seconds(20);
    std::size_t max_body_size = std::size_t{2} << 20;
};

/// Follows redirects, but none from a public host to a loopback or private one; inflates gzip and deflate;
/// verifies certificates (CA certificates are loaded with the first https URL). One connection each. On the
/// engine thread.
class HttpClient {
  public:
    /// The body of a 200 reply. Errors: those of the network, Errc::http_status, http_too_large,
    /// http_too_many_redirects, http_malformed, name_not_found, timed_out.
    using Done = std::function<void(Result<std::string>)>;

    HttpClient(SocketFactory& sockets, Resolver& resolver);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Calls `done` later, never from inside this call; not after the client's end.
    void get(HttpRequest request, Done done);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace btfs::net
