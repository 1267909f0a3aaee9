// A torrent from its mount to its end: its machines, and a shell around them in virtual time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/swarm/torrent.hpp"
#include "engine/tracker/announcer.hpp"
#include "tests/support/memory_storage.hpp"
#include "tests/year/process.hpp"
#include "tests/year/scripted_peer.hpp"

namespace btfs::year {

/// Does what TorrentRunner and Announcing do: carries actions out, and brings the machines connections, time,
/// readers, events of the store and replies of trackers. The store keeps kKept pieces and evicts the oldest.
/// Peers answer for some time after the mount and after each visit of a reader; after that every dial fails,
/// so the torrent is idle.
class MountedTorrent final : private StorageEvents {
  public:
    static constexpr std::uint32_t kPieces = 32;
    static constexpr std::uint32_t kPieceLength = 2 * kBlockSize;
    static constexpr std::size_t kKept = 12;
    static constexpr Duration kPeersAnswerFor = std::chrono::minutes(3);

    struct Options {
        std::uint64_t number = 0;  ///< the same number: the same torrent
        bool name_only = false;    ///< the info dictionary is fetched from peers
        bool is_private = false;
        bool has_all = false;  ///< it is there from the start, and only uploads
        bool pex = true;
        /// Hosts that there are in its swarm; 0: any number. A
        /// torrent remembers thousands of hosts, up to bounds that it would reach after years.
        std::uint64_t hosts = 0;
    };
    MountedTorrent(Process& process, const Options& options, std::function<void()> on_peers_wanted);
    ~MountedTorrent() override;

    Sha1Digest info_hash() const { return identity_.wire_hash(); }
    std::uint64_t number() const { return options_.number; }
    bool is_private() const { return options_.is_private; }
    std::size_t connections() const { return links_.size(); }
    std::size_t peers_known() const { return torrent_.peers_known(); }

    /// A reader comes, reads some pieces in sequence, and leaves.
    void visit();
    void add_peers(std::span<const Endpoint> endpoints, PeerSource source);
    /// A stranger connects to us.
    void take_incoming();
    void handle_network_change();
    /// Ends all. The object is destroyed later, when no event refers to its store any more.
    void leave();

  private:
    struct Link;

    void on_verified(PieceIndex piece, std::vector<Sha1Digest> block_digests) override;
    void on_mismatch(PieceIndex piece, PieceBufferPtr buffer, std::vector<Sha1Digest> block_digests) override;
    void on_lost(PieceIndex piece) override;
    void on_evicted(const std::vector<PieceIndex>& pieces) override;
    void on_credit() override;
    void on_read(ReadTicket ticket, Result<ContentView> content) override;

    TimePoint now() const { return process_.events.now(); }
    Endpoint somebody();
    template <class F>
    void later(Duration delay, F event);
    void know_content();
    void after_event();
    void dial(const Endpoint& endpoint);
    void connect(const Endpoint& endpoint, wire::Direction direction);
    void carry_bytes_soon(ConnectionId id);
    void carry_bytes(ConnectionId id);
    void give(ConnectionId id, ByteView bytes);
    void hang_up(ConnectionId id);
    void announce();
    void answer(const tracker::AnnounceJob& job);
    void read_on(ReaderId reader, PieceIndex piece, std::size_t left, int patience);

    Process& process_;
    const Options options_;
    const std::shared_ptr<const Bytes> metadata_;
    const Identity identity_;
    const Layout layout_;
    testing::MemoryStorage store_;
    std::vector<PieceIndex> by_age_;
    Torrent torrent_;
    tracker::Announcer announcer_;
    const std::function<void()> on_peers_wanted_;
    std::map<ConnectionId, std::unique_ptr<Link>> links_;
    TimePoint peers_answer_until_;
    bool knows_content_ = false;
    bool carrying_out_ = false;
    bool closed_ = false;
    Alarm torrent_alarm_, announcer_alarm_;
    /// Events may come when this has gone.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace btfs::year
