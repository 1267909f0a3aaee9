// The client under test: a real Torrent, its store, and its end of each connection.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/swarm/torrent.hpp"
#include "fs/demand_sink.hpp"
#include "tests/sim/remote_peer.hpp"
#include "tests/sim/store.hpp"
#include "tests/sim/wire_tap.hpp"

namespace btfs::sim {

struct ClientOptions {
    Endpoint endpoint{*Address::parse("192.0.2.1"), 6881};
    std::size_t number = 0;
    LinkOptions link{.up = 2.5e6, .down = 12.5e6, .delay = std::chrono::milliseconds(2)};
    StoreOptions store;
    TorrentOptions torrent;
};

/// Content that came over the wire, in bytes.
struct WireTotals {
    std::uint64_t useful = 0;   ///< blocks that their sender was asked for
    std::uint64_t twice = 0;    ///< blocks that are here already, or will come from somebody else
    std::uint64_t unasked = 0;  ///< blocks that are not wanted any more
    std::uint64_t received() const { return useful + twice + unasked; }
};

/// Sees what the client sends and receives, as it does.
class WireWatcher {
  public:
    virtual ~WireWatcher() = default;
    virtual void on_request(const Node& peer, ConnectionId connection, const BlockRef& block) = 0;
    virtual void on_cancel(const Node& peer, const BlockRef& block) = 0;
    virtual void on_block(const Node& peer, ConnectionId connection, const BlockRef& block) = 0;
    virtual void on_reject(const Node& peer, const BlockRef& block) = 0;
    virtual void on_choke(const Node& peer, bool choking) = 0;
    virtual void on_end(const Node& peer, const std::string& reason) = 0;
};

/// Does for the torrent what TorrentRunner does: carries actions out, brings events and timeouts.
class Client final : public Node, private StorageEvents, public DemandSink, public Callee {
  public:
    /// `after_event` is called after each event that the torrent has handled.
    Client(const RemotePeer::Context& context, const Directory& nodes, const ClientOptions& options,
           std::uint64_t seed, std::function<void()> after_event);
    ~Client() override;

    bool is_client() const override { return true; }
    bool honest() const override { return true; }
    bool reachable() const override { return true; }
    bool accepts(const Address&) const override { return listens_; }
    Connection& answer(Node& caller, Socket& socket, const Endpoint& from) override;
    /// Dials to it fail until it listens.
    void listen() { listens_ = true; }

    Torrent& torrent() { return torrent_; }
    const Torrent& torrent() const { return torrent_; }
    Store& store() { return store_; }
    const Store& store() const { return store_; }
    const WireTotals& wire() const { return wire_; }
    /// A tracker tells of peers.
    void introduce(std::span<const Endpoint> endpoints);
    bool call(RemotePeer& from, const Endpoint& endpoint) override;
    void watch(WireWatcher* watcher) { watcher_ = watcher; }
    /// The connections there are, and with whom.
    std::vector<std::pair<ConnectionId, const Node*>> connections() const;
    const PartialPiece* partial(PieceIndex piece) const;
    /// Complaints about what the torrent has done; grows.
    const std::vector<std::string>& complaints() const { return complaints_; }
    /// Actions that the last event led to.
    std::size_t actions() const { return actions_; }
    const TorrentOptions& options() const { return options_; }

    void set_demand(ReaderId reader, const ReaderDemand& demand) override;
    void drop(ReaderId reader) override;

  private:
    class Line;
    friend class Line;

    template <class F>
    void tell(F&& event) {
        event();
        settle();
    }
    void on_verified(PieceIndex piece, std::vector<Sha1Digest> block_digests) override;
    void on_mismatch(PieceIndex piece, PieceBufferPtr buffer, std::vector<Sha1Digest> block_digests) override;
    void on_lost(PieceIndex piece) override;
    void on_evicted(const std::vector<PieceIndex>& pieces) override;
    void on_credit() override;
    void on_read(ReadTicket ticket, Result<ContentView> content) override;

    void settle();
    void judge_snub(Line& line);
    void arm();
    void dial(const Endpoint& endpoint);
    Line& add_line(ConnectionId id, Node& node, Connection::Side side);
    void count(ConnectionId from, const BlockRef& block);
    void take_demands();

    const RemotePeer::Context context_;
    const Directory& nodes_;
    bool listens_ = false;
    std::uint16_t next_port_ = 50'000;
    Store store_;
    Torrent torrent_;
    const std::function<void()> after_event_;
    WireWatcher* watcher_ = nullptr;
    std::map<ConnectionId, std::unique_ptr<Line>> lines_;
    std::vector<std::unique_ptr<Line>> ended_;
    /// The newest word of each reader; nothing: it has gone. Taken all together, as the engine does.
    std::map<ReaderId, std::optional<ReaderDemand>> demands_;
    const TorrentOptions options_;
    std::vector<std::string> complaints_;
    std::size_t actions_ = 0;
    TimePoint armed_ = kNever;
    WireTotals wire_;
};

}  // namespace btfs::sim
