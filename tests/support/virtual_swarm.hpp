// A swarm of real Torrent objects in virtual time: links with delay and rate, and nothing that sleeps.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/swarm/torrent.hpp"
#include "tests/support/memory_storage.hpp"

namespace btfs::testing {

struct LinkOptions {
    Duration delay = std::chrono::milliseconds(10);  ///< one way
    double up = 2.5e6;                               ///< bytes per second
};

/// One peer of the swarm; `tamper` may change what it sends.
struct NodeOptions {
    bool seed = false;
    /// The node knows the torrent by its name, and gets the rest from the others.
    bool name_only = false;
    /// The info dictionary says that the torrent is private (BEP 27).
    bool is_private = false;
    /// The node hands this out as the info dictionary, instead of the right one.
    std::shared_ptr<const Bytes> forged_metadata = nullptr;
    LinkOptions link = {};
    /// Another address than the next one of 10.0.0.0/24.
    std::optional<Address> address = {};
    TorrentOptions torrent = {};
    /// Called with the bytes of each block before they leave.
    std::function<void(std::span<std::byte>)> tamper = {};
    /// Dials arrive only from peers that the node has dialled itself: it is behind a NAT. With
    /// `torrent.utp` its own connections come from the port at which it listens, as those over uTP do.
    bool nat = false;
    /// Dials are over TCP but where uTP is to be first; else all are over uTP with `torrent.utp`.
    bool tcp_first = false;
    /// From this time on nothing it sends arrives any more.
    TimePoint silent_from = kNever;
};

/// Nodes have the addresses 10.0.0.1, 10.0.0.2, ... in the order of add(). The clock starts at an hour and
/// moves only with events.
class VirtualSwarm {
  public:
    /// A torrent of one file, or of several.
    VirtualSwarm(std::uint32_t piece_length, std::size_t size);
    VirtualSwarm(std::uint32_t piece_length, std::vector<FileExtent> files);
    ~VirtualSwarm();

    std::size_t add(const NodeOptions& options);
    Torrent& torrent(std::size_t node);
    MemoryStorage& storage(std::size_t node);
    Endpoint endpoint(std::size_t node) const;
    const Identity& identity() const { return identity_; }
    const Layout& layout() const { return layout_; }
    TimePoint now() const { return now_; }

    /// The node learns of the other.
    void introduce(std::size_t node, std::size_t other, PeerSource source = PeerSource::tracker);
    void set_reader(std::size_t node, ReaderId reader, const ReaderDemand& demand);
    /// The kernel of the node has counted these packets of each of its TCP connections.
    void tell_reception(std::size_t node, const TcpReception& reception);
    /// Connections that the node has made over uTP.
    std::size_t utp_connections(std::size_t node) const;
    void set_pinned(std::size_t node, const Bitfield& pieces);
    void prefetch(std::size_t node, const Bitfield& pieces);
    void set_paused(std::size_t node, bool paused);
    void set_limits(std::size_t node, const OwnLimits& limits);

    /// Runs until the condition holds; false if nothing happens any more or `limit` has passed.
    bool run_until(const std::function<bool()>& condition, Duration limit);
    void run_for(Duration time);

  private:
    struct Node;
    struct Pipe;

    void at(TimePoint when, std::function<void()> event);
    void carry_out(Node& node);
    void dial(Node& node, const Dial& wanted);
    void knock(Node& node, Node& other, const Dial& wanted, int tries);
    void connect(Node& node, Node& other, const Dial& wanted, Duration rest);
    void flush(Node& node, ConnectionId connection);
    void deliver(Node& node, ConnectionId connection, const std::vector<std::byte>& bytes);
    void close(Node& node, ConnectionId connection);
    void arm(Node& node);

    TimePoint now_ = TimePoint{} + std::chrono::hours(1);
    std::shared_ptr<const Bytes> metadata_;
    Identity identity_;
    std::vector<std::byte> content_;
    Layout layout_;
    std::multimap<TimePoint, std::function<void()>> events_;
    std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace btfs::testing
