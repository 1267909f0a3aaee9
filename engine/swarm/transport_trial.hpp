// Trial that finds out whether the peers of a torrent send faster over uTP than over TCP.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"
#include "engine/swarm/connection_id.hpp"

namespace btfs {

/// The kernel's account of what a TCP connection has received; its round trip now, and the shortest.
struct TcpReception {
    std::uint64_t packets = 0;       ///< with content that came
    std::uint64_t out_of_order = 0;  ///< of those, behind one that was missing
    Duration round_trip{}, shortest_round_trip{};
};

/// On a path that loses packets without being full (wireless links, bad lines), TCP is slow: most senders
/// halve their window for each loss and open it by one packet in a round trip. uTP's senders open theirs
/// faster while they measure no queue. Nothing tells beforehand which is faster: it depends on the senders.
/// So when a reader waits and peers lose packets over TCP, half of them are connected anew over uTP. If these
/// gain more than the others do meanwhile, uTP is taken for all, and for kValid. One of them that does not
/// send again counts as one that sends nothing.
///
/// A connection is given up only if its peer unchoked us soon after it was made: the next one will hardly
/// wait for a slot. A path whose round trips have ever grown is full now and then, and loses packets by that:
/// it is left alone. A machine.
class TransportTrial {
  public:
    /// A peer counts as losing packets if one part in so many comes out of order: a loss makes up to a round
    /// trip's packets do so.
    static constexpr std::uint64_t kLossyPart = 50;
    /// Packets that show it.
    static constexpr std::uint64_t kFewestPackets = 150;
    /// Round trips are this much longer at most, and kMostQueueing, where no queue stands.
    static constexpr double kMostGrowth = 1.3;
    static constexpr Duration kMostQueueing = std::chrono::milliseconds(10);
    static constexpr Duration kSoonUnchoked = std::chrono::seconds(1);
    /// A rate is measured for so long.
    static constexpr Duration kMeasured = std::chrono::milliseconds(1500);
    static constexpr Duration kMeasuredInTrial = std::chrono::milliseconds(2000);
    /// A trial ends after so long with what it has measured by then.
    static constexpr Duration kLongestTrial = std::chrono::seconds(8);
    /// A trial begins if so many peers lose packets, and at least half of those that send over TCP.
    static constexpr std::size_t kFewestPeers = 2;
    /// uTP has to be so many times as fast to be taken; if it is slower by kMuchSlower, TCP is taken again.
    static constexpr double kFaster = 1.15, kMuchSlower = 0.9;
    static constexpr Duration kValid = std::chrono::minutes(10);

    /// A peer that we have dialled, and that owes us blocks now.
    struct Sight {
        ConnectionId connection = kNobody;
        Endpoint endpoint;
        bool utp = false;
        std::uint64_t received = 0;  ///< bytes of content over this connection
        TimePoint connected{}, unchoked{};
        TcpReception reception{};  ///< zeros of uTP
    };
    /// Connections that are to be given up, and made anew.
    struct Moves {
        std::vector<ConnectionId> to_utp, to_tcp;
    };

    /// Called once a second with all peers that owe us blocks; a peer that is not among them at one time is
    /// measured from the next time on.
    Moves look(std::span<const Sight> peers, bool reader_waits, TimePoint now);
    /// Dials begin with uTP.
    bool prefers_utp() const { return verdict_ == Verdict::utp; }
    /// Paths are others now: nothing is known of them.
    void reset() { *this = {}; }

  private:
    struct Watch {
        TimePoint since{};
        std::uint64_t received = 0;
        double rate = 0;  ///< bytes a second since then
        Duration measured{};
        bool has_queued = false;  ///< its round trips had grown, at one time
    };
    struct Trial {
        TimePoint began{};
        std::map<Endpoint, double> moved;   ///< the rates before
        std::map<Endpoint, double> stayed;  ///< the rates before
    };
    enum class Verdict : std::uint8_t { none, utp, tcp };

    void measure(std::span<const Sight> peers, TimePoint now);
    static bool is_queued(const TcpReception& got);
    static bool loses_packets(const TcpReception& got);
    std::vector<const Sight*> losing(std::span<const Sight> peers) const;
    Moves begin(std::span<const Sight> peers, TimePoint now);
    Moves move_losing(std::span<const Sight> peers);
    bool is_measured(std::span<const Sight> peers) const;
    Moves end(std::span<const Sight> peers, TimePoint now);
    /// Returns the rate of the peers in `before` over that transport, as a multiple of what it was; nothing
    /// if none was measured.
    std::optional<double> change(std::span<const Sight> peers, const std::map<Endpoint, double>& before,
                                 bool utp) const;

    std::map<ConnectionId, Watch> watches_;
    std::set<Endpoint> moved_;  ///< to uTP while this verdict stands: none is moved a second time
    bool waited_ = false;       ///< a reader did, the last time
    std::optional<Trial> trial_;
    Verdict verdict_ = Verdict::none;
    TimePoint valid_until_{};
};

}  // namespace btfs
