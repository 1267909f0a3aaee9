// One swarm in virtual time: the client, its peers, and the network between them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fs/inode_numbers.hpp"
#include "fs/processes.hpp"
#include "fs/read_path.hpp"
#include "tests/sim/client.hpp"
#include "tests/sim/invariants.hpp"

namespace btfs::sim {

struct SwarmOptions {
    std::uint32_t piece_length = 1 << 20;
    std::uint64_t size = std::uint64_t{2} << 30;
    ClientOptions client;
    std::vector<PeerOptions> peers;
    /// The client hears of nobody before, and does not listen.
    Duration client_joins_at{};
    /// Each piece that no honest peer has is given to one of them.
    bool nothing_is_lost = false;
};

/// Readers go through the real ReadPath, so that the demand is what a mount would say.
class Simulation {
  public:
    Simulation(const SwarmOptions& options, std::uint64_t seed);
    ~Simulation();

    EventQueue& events() { return events_; }
    const Layout& layout() const { return layout_; }
    Client& client() { return *client_; }
    using Peers = std::vector<std::unique_ptr<RemotePeer>>;
    const Peers& peers() const { return peers_; }
    Invariants& invariants() { return *invariants_; }
    ReadPath& read_path() { return read_path_; }
    OpenFile& open() { return read_path_.open(torrent_, {0, layout_.total_size()}, kInode); }
    /// `done` is called with how long the READ waited. One that fails is a violation.
    void read(OpenFile& file, ByteRange range, std::function<void(Duration)> done);
    /// The process that reads ends: its READs of the file end with it.
    void end_reader_of(OpenFile& file);

    /// Runs until the condition holds; false if `limit` has passed.
    bool run_until(const std::function<bool()>& condition, Duration limit);
    void run_for(Duration time);
    /// Reports each waiting read and the state of its piece, as a violation.
    void report_waits(const std::string& what);
    /// Since the beginning.
    Duration elapsed() const { return events_.now() - started_; }

    /// The least time in which the swarm as it is could bring what is missing of a range: from each honest
    /// peer that serves us, a round trip and then bytes at its rate; through our own link. Nothing if no such
    /// peer has it.
    std::optional<Duration> limit(ByteRange range) const;
    /// Bytes per second that honest peers who serve us could bring together.
    double capacity() const;

  private:
    class Reply;
    void make_peers(const SwarmOptions& options, const RemotePeer::Context& context);
    void give_what_is_lost(Rng rng);
    /// The one process that makes all READs.
    class Process final : public Processes {
      public:
        static constexpr pid_t kThread = 1;
        Life life(pid_t) const override { return has_ended ? Life::gone : Life::alive; }
        bool may_have_open(pid_t, std::uint64_t) const override { return !has_ended; }
        bool was_killed(pid_t) const override { return has_ended; }
        pid_t process(pid_t thread) const override { return thread; }
        std::string name(pid_t) const override { return "player"; }
        bool has_ended = false;
    };
    static constexpr std::uint64_t kInode = 2;

    EventQueue events_;
    Network network_;
    Identity identity_;
    Layout layout_;
    Directory nodes_;
    Peers peers_;
    std::unique_ptr<Invariants> invariants_;
    std::unique_ptr<Client> client_;
    InodeNumbers inodes_;
    std::shared_ptr<const MountedTorrent> torrent_;
    Process process_;
    ReadPath read_path_;
    TimePoint started_;
};

}  // namespace btfs::sim
