// Web seeds of one torrent: when each is connected.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/hash.hpp"
#include "engine/core/layout.hpp"
#include "engine/core/time.hpp"
#include "engine/net/web_seed_stream.hpp"
#include "engine/swarm/connection_id.hpp"
#include "engine/webseed/seed_memory.hpp"
#include "engine/webseed/seed_urls.hpp"

namespace btfs {

/// Says which web seed to connect next, and which connections are idle. A torrent has connections to web
/// seeds while it wants content; an idle one has none. What is known of a seed outlives its connections. A
/// machine; on the engine thread.
class WebSeeds {
  public:
    /// URLs of one torrent; the rest is left out.
    static constexpr std::size_t kMaxUrls = 50;
    /// Seeds that are connected at a time: the first ones that have something to offer.
    static constexpr std::size_t kMaxConnected = 4;
    /// A torrent that wants nothing keeps its connections for so long.
    static constexpr Duration kLinger = std::chrono::seconds(30);
    /// A connection that ends within kEarly is made anew after so long; twice as long each time.
    static constexpr Duration kFirstRetry = std::chrono::seconds(1);
    static constexpr Duration kLongestRetry = std::chrono::minutes(1);
    static constexpr Duration kEarly = std::chrono::seconds(10);

    /// Texts that are no http or https URL are left out.
    /// `web_seeds` are those of BEP 19, `http_seeds` those of BEP 17.
    explicit WebSeeds(const std::vector<std::string>& web_seeds,
                      const std::vector<std::string>& http_seeds = {});

    bool empty() const { return seeds_.empty(); }
    /// Sets the content, once. The layout outlives this. Without a v1 hash, or with pad files, a torrent has
    /// no HTTP seeds (see webseed::layout_without_files).
    void know_content(const Layout& layout, std::shared_ptr<const Bytes> info,
                      const std::optional<Sha1Digest>& v1_hash);

    /// The number of a seed to connect now; nothing if there is none. Costs little if nothing is due.
    std::optional<std::uint32_t> poll_connect(bool wanted, TimePoint now);
    /// Puts off a seed that cannot be connected now.
    void postpone(std::uint32_t number, TimePoint now);
    /// Connections that the torrent has not needed for a while.
    std::vector<ConnectionId> idle(bool wanted, TimePoint now);
    TimePoint next_timeout() const;

    webseed::SeedMemory& memory(std::uint32_t number) { return *seeds_[number].memory; }
    webseed::SeedUrls urls(std::uint32_t number);
    /// The content as the seed is asked for it. Lives as long as this.
    const Layout& layout(std::uint32_t number) const;
    /// For the log.
    std::string name(std::uint32_t number) const;
    void on_connected(std::uint32_t number, ConnectionId connection, net::WebSeedStream& stream,
                      TimePoint now);
    /// Ignores connections to others than web seeds.
    void on_closed(ConnectionId connection, TimePoint now);
    /// A piece that came from the seed failed its hash.
    void on_piece_failed(std::uint32_t number, PieceIndex piece);

  private:
    std::vector<ConnectionId> connections() const;

    struct Seed {
        std::string url;
        bool by_pieces = false;  ///< BEP 17
        std::unique_ptr<webseed::SeedMemory> memory;
        ConnectionId connection = kNobody;
        net::WebSeedStream* stream = nullptr;  ///< while there is a connection
        TimePoint connected{};
        TimePoint retry{};
        unsigned early_ends = 0;
    };

    void add(const std::vector<std::string>& urls, bool by_pieces);

    std::vector<Seed> seeds_;
    const Layout* layout_ = nullptr;
    std::unique_ptr<const Layout> without_files_;  ///< for HTTP seeds; null if there can be none
    Sha1Digest v1_hash_{};
    std::shared_ptr<const Bytes> info_;
    std::vector<std::string> paths_;  ///< of all files, once a seed has been connected
    bool single_ = false;
    std::size_t connected_ = 0;
    bool wanted_ = false;         ///< by the torrent, at the last look
    TimePoint look_at_ = kNever;  ///< no seed is due before
    TimePoint idle_since_ = kNever;
};

}  // namespace btfs
