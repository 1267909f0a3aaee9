// Memory of a PCP client about its server: the nonces of its mappings, and the server's epoch.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "engine/core/secret.hpp"
#include "engine/core/time.hpp"
#include "engine/portmap/pcp_messages.hpp"

namespace btfs::portmap {

/// Recognises a server that has forgotten its mappings, as one does that restarts, by the epoch that each of
/// its replies tells (RFC 6887, 8.5).
class PcpEpoch {
  public:
    /// Returns false if the server has lost its state since the last reply. `now` goes on while the computer
    /// sleeps.
    bool handle_reply(std::uint32_t epoch_s, TimePoint now);

  private:
    struct Reply {
        std::uint32_t epoch_s;
        TimePoint time;
    };
    std::optional<Reply> last_;
};

/// State of one client towards one server, over all exchanges.
class PcpServerState {
  public:
    explicit PcpServerState(SecretSource secrets) : secrets_(std::move(secrets)) {}

    /// The nonce of that mapping: random at first, and then the same, or a server would refuse to renew or
    /// delete the mapping.
    const PcpNonce& nonce(Transport transport, std::uint16_t internal_port);

    void handle_reply(const PcpReply& reply, TimePoint now);
    /// Returns true if the server has lost mappings since the last call.
    bool take_loss() { return std::exchange(lost_, false); }

    /// Handles a change of the server.
    void reset() { *this = PcpServerState(std::move(secrets_)); }

  private:
    SecretSource secrets_;
    std::map<std::pair<Transport, std::uint16_t>, PcpNonce> nonces_;
    PcpEpoch epoch_;
    bool lost_ = false;
};

}  // namespace btfs::portmap
