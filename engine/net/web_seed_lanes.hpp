// HTTP connections to one web seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "engine/http/local_access.hpp"
#include "engine/http/reply_parser.hpp"
#include "engine/net/asio_fwd.hpp"
#include "engine/net/host_places.hpp"
#include "engine/net/http_connection.hpp"
#include "engine/net/task_group.hpp"
#include "engine/webseed/seed_memory.hpp"
#include "engine/webseed/seed_urls.hpp"
#include "engine/webseed/web_seed.hpp"

namespace btfs::net {

/// Carries out the requests of a webseed::WebSeed, and tells it of replies: one connection and one coroutine
/// for each of its lanes. Follows redirects. Shared with its coroutines, which do nothing any more once
/// close_all() was called. On the engine thread.
class WebSeedLanes : public std::enable_shared_from_this<WebSeedLanes> {
  public:
    static constexpr unsigned kMaxRedirects = 5;

    /// The references outlive the coroutines.
    struct Setup {
        boost::asio::io_context& io;
        HttpConnector& connector;
        HostPlaces& places;
        TaskGroup& tasks;
        std::string user_agent;
        webseed::SeedMemory& memory;
        /// Of files at a web seed (BEP 19), or of pieces at an HTTP seed (BEP 17).
        webseed::SeedUrls urls;
        /// Limit of what a URL of the seed may reach: never this machine, where only tests have servers.
        http::LocalAccess most_access = http::LocalAccess::network;
    };

    /// `machine` is told of what happens, and `after_event` called then, until close_all().
    WebSeedLanes(Setup setup, webseed::WebSeed& machine, std::function<void()> after_event);
    ~WebSeedLanes();

    void fetch(const webseed::Fetch& action);
    void close(webseed::LaneId id);
    void close_all();
    /// The machine may want more of a body that is not read.
    void wake();

  private:
    using LaneId = webseed::LaneId;
    struct Lane;
    using LanePtr = std::shared_ptr<Lane>;
    struct Reply {
        http::ReplyParser parser;
        webseed::SeedMemory::Place place;
        bool redirected = false;
    };

    static Awaitable<void> run(std::shared_ptr<WebSeedLanes> self, LanePtr lane, LaneId id);
    static Awaitable<void> rest(LanePtr lane);
    static Awaitable<Error> serve(std::shared_ptr<WebSeedLanes> self, LanePtr lane, LaneId id,
                                  webseed::Fetch fetch);
    static Awaitable<Result<Reply>> ask(std::shared_ptr<WebSeedLanes> self, LanePtr lane,
                                        webseed::Fetch fetch);
    static Awaitable<Result<http::ReplyParser>> ask_once(std::shared_ptr<WebSeedLanes> self, LanePtr lane,
                                                         http::HttpUrl url, http::LocalAccess access,
                                                         ByteRange in_file, TimePoint deadline);
    static Awaitable<std::string> short_body(std::shared_ptr<WebSeedLanes> self, LanePtr lane,
                                             http::ReplyParser& parser);
    static Awaitable<Error> take_body(std::shared_ptr<WebSeedLanes> self, LanePtr lane, LaneId id,
                                      http::ReplyParser parser);
    http::LocalAccess access_of(const http::HttpUrl& url) const;
    std::string url_of(const webseed::Fetch& fetch) const;
    bool is_over(const Lane& lane) const;
    HostPlaces::Place place_at(const http::HttpUrl& url, const LanePtr& lane);
    std::string request_for(const http::HttpUrl& url, ByteRange in_file,
                            const HttpConnection& connection) const;

    const Setup setup_;
    const bool by_pieces_;  ///< it is an HTTP seed (BEP 17)
    webseed::WebSeed& machine_;
    const std::function<void()> after_event_;
    std::map<LaneId, LanePtr> lanes_;
    bool closed_ = false;
};

}  // namespace btfs::net
