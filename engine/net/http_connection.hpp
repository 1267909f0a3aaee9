// Connection to an HTTP server, over TCP or TLS, and the maker of such connections.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "engine/http/http_url.hpp"
#include "engine/http/local_access.hpp"
#include "engine/net/asio_fwd.hpp"
#include "engine/net/families.hpp"
#include "engine/net/name_lookups.hpp"

namespace btfs::net {

class Connector;

/// The Location of a reply that is a redirect and has one. The body of such a reply is not needed.
std::optional<std::string> redirect_location(unsigned status, std::optional<std::string_view> location);

/// Moves bytes to and from one server. Each operation has a deadline, at which the connection is closed. One
/// read or write is under way at a time. On the io_context's thread; lives until its coroutines have ended.
class HttpConnection {
  public:
    ~HttpConnection();
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;

    /// Errors: timed_out, cancelled, connection_closed, or one of the system or of TLS.
    Awaitable<Error> write(std::string text, TimePoint deadline);
    /// Returns how many bytes have come; 0 at the end of the stream. `low_water`: without TLS, waits until so
    /// many bytes are there, the stream ends, or the kernel's buffer is full, and saves a wake-up for each
    /// packet.
    Awaitable<Result<std::size_t>> read(std::span<char> into, TimePoint deadline, std::size_t low_water = 1);
    /// Of the server; with a proxy its name's stand-in, or the address that the URL names.
    const Address& address() const;
    /// The first lines of a request for that URL of the server: for an HTTP proxy with the whole URL and the
    /// proxy's credentials.
    std::string request_head(const http::HttpUrl& url) const;
    /// False if the server has closed the connection, or has sent what was not asked for.
    bool is_quiet();
    /// Operations under way end with `cancelled`.
    void close();

  private:
    friend class HttpConnector;
    class Parts;
    explicit HttpConnection(std::unique_ptr<Parts> parts);
    Awaitable<boost::system::error_code> wait_for_bytes(std::size_t low_water);

    std::unique_ptr<Parts> parts_;
};

/// Connects to the servers of URLs, as Connector::connect() does, and verifies the certificate of https. Used
/// on the io_context's thread.
class HttpConnector {
  public:
    /// `ca_file`: certificates to trust in place of the machine's. `connector` outlives this.
    HttpConnector(Connector& connector, std::string ca_file);
    HttpConnector(const HttpConnector&) = delete;
    HttpConnector& operator=(const HttpConnector&) = delete;
    ~HttpConnector();

    struct Target {
        http::HttpUrl url;
        Families families = Families::both;
        http::LocalAccess access = http::LocalAccess::everything;
        LookUp look_up = LookUp::ordinary;
    };
    /// Errors: those of Connector::connect(), http_bad_url, or one of TLS. This outlives the coroutine, which
    /// can be cancelled.
    Awaitable<Result<std::unique_ptr<HttpConnection>>> connect(Target target, TimePoint deadline);

  private:
    class Tls;
    Connector& connector_;
    const std::string ca_file_;
    std::unique_ptr<Tls> tls_;  // made at the first https: loading certificates takes its time
};

}  // namespace btfs::net
