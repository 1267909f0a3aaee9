// Crowd: many leechers and one seeder, all at once; until everybody has everything.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/client.hpp"
#include "tests/sim/invariants.hpp"

namespace btfs::sim {

/// By default the links and the content of the lab's `crowd`.
struct CrowdOptions {
    std::size_t clients = 10;
    std::size_t libtorrents = 0;  ///< remote peers that choke as libtorrent, besides the clients
    std::uint64_t size = 32 << 20;
    std::uint32_t piece_length = 256 * 1024;
    LinkOptions seeder{.up = 1.25e6, .down = 6.25e6, .delay = std::chrono::milliseconds(15)};
    LinkOptions leecher{.up = 1.25e6, .down = 6.25e6, .delay = std::chrono::milliseconds(15)};
    /// All leechers in one /24, as in the lab: a libtorrent seeder then grants all of them the same pieces
    /// (BEP 6).
    bool one_subnet = false;
    Duration arrive_within = std::chrono::seconds(1);
    Duration patience = std::chrono::hours(1);
};

struct CrowdResult {
    /// One leecher. Of those that are no clients only the time is known.
    struct Member {
        bool is_client = true;
        Duration finished{};  ///< since the first of all could begin; 0: never
        std::uint64_t sent = 0;
        WireTotals wire = {};
    };

    std::uint64_t seed = 0;
    std::vector<Member> members;
    /// The least time in which the uplinks could bring everything to everybody.
    Duration bound{};
    double seeder_sent = 0;  ///< content, over the content's size
    std::vector<std::string> violations;

    std::size_t unfinished() const;
    /// Of the clients, or of the others; 0: there is none.
    Duration mean_finish(bool of_clients = true) const;
    Duration last_finish() const;  ///< of all
    /// All that a run gave, for comparing two of them.
    std::string fingerprint() const;
};

/// Clients that fetch in the background, perhaps among libtorrents. They know each other from a tracker: each
/// is told of the seeder and of up to 50 that came before it. The seeder chokes as libtorrent does.
class ClientCrowd {
  public:
    ClientCrowd(const CrowdOptions& options, std::uint64_t seed);
    ~ClientCrowd();

    CrowdResult run();

  private:
    struct Member {
        Duration arrives{};
        std::unique_ptr<Client> client;  ///< or else:
        std::unique_ptr<RemotePeer> libtorrent;
        std::unique_ptr<Invariants> invariants;  ///< of the client
        Duration finished{};

        Node& node() { return client ? static_cast<Node&>(*client) : *libtorrent; }
    };

    PeerOptions remote_options();
    void add_client(std::size_t number);
    void add_libtorrent(std::size_t number);
    void introduce_all();
    void check(std::size_t number);
    void look_at_libtorrents();
    void finish(Member& member);
    Duration bound() const;

    const CrowdOptions options_;
    const std::uint64_t seed_;
    Rng rng_;
    EventQueue events_;
    const TimePoint begun_;
    Network network_;
    Identity identity_;
    Layout layout_;
    Directory nodes_;
    const RemotePeer::Context context_;
    std::unique_ptr<RemotePeer> seeder_;
    std::vector<Member> members_;
    std::size_t unfinished_ = 0;
};

}  // namespace btfs::sim
