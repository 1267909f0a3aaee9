// WebConnection: reads requests from one client of the web server, and answers them.
#pragma once

#include <atomic>
#include <memory>

#include "cli/web/web_site.hpp"
#include "engine/core/time.hpp"
#include "engine/net/asio_fwd.hpp"
#include "fs/reader_status.hpp"

namespace btfs::cli {

class WebWork;

/// Reads requests and answers them, one after the other. Runs on a strand of its own.
class WebConnection : public std::enable_shared_from_this<WebConnection> {
  public:
    class Socket;

    /// Both outlive it.
    WebConnection(std::unique_ptr<Socket> socket, WebSite& site, WebWork& work);
    ~WebConnection();

    static net::Awaitable<void> run(std::shared_ptr<WebConnection> self);
    /// Ends it soon. From any thread.
    void close();
    /// True while a request is being answered. From any thread.
    bool is_serving() const { return serving_; }
    /// Returns when something last came from the client, or went to it. From any thread.
    TimePoint last_progress() const { return TimePoint(Duration(progress_)); }

  private:
    class Request;

    net::Awaitable<bool> serve_one();
    net::Awaitable<bool> answer(Request& request);
    net::Awaitable<bool> send(const WebReply& reply, const Request& request);
    net::Awaitable<bool> send_stream(std::string_view path, const Request& request);
    net::Awaitable<bool> send_content(const StreamHead& head, NodeId node, const RemoteReader& reader);
    net::Awaitable<bool> send_range(class ContentReads& reads, ByteRange range);
    net::Awaitable<bool> send_leased(class ContentReads& reads, int file, ByteRange range);
    net::Awaitable<bool> send_events(const Request& request);
    net::Awaitable<bool> write(std::string_view bytes);
    net::Awaitable<void> hang_up();
    void note_progress();

    const std::unique_ptr<Socket> socket_;
    WebSite& site_;
    WebWork& work_;
    std::atomic<Duration::rep> progress_;
    std::atomic<bool> serving_ = false;
};

}  // namespace btfs::cli
