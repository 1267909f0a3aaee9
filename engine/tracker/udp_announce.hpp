// Announcing over UDP (BEP 15, with BEP 41's URL data) as a machine without a socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/rng.hpp"
#include "engine/core/time.hpp"
#include "engine/tracker/announce.hpp"

namespace btfs::tracker {

/// The connection id that a tracker gave us to announce with; good for kLife, for all torrents.
struct UdpConnection {
    std::uint64_t id = 0;
    TimePoint received;

    static constexpr Duration kLife = 60s;
    bool alive(TimePoint now) const { return now < received + kLife; }
};

/// One announce to one address of a tracker: connects if need be, announces, and sends again after
/// 15 * 2^n seconds, kMaxRepeats times. Its owner sends what poll_datagram() gives, passes in what comes
/// from that address, and calls handle_timeout() at next_timeout(), until there is a result().
class UdpAnnounce {
  public:
    static constexpr Duration kFirstTimeout = 15s;
    static constexpr unsigned kMaxRepeats = 3;
    /// BEP 41: the longest string of one option. Longer ones are cut into several.
    static constexpr std::size_t kMaxUrlDataOption = 255;

    /// `family` is the socket's: it says what size peers have. `url_target` is the path and query of the
    /// tracker's URL. A `known` connection saves a round trip while it lives. `rng` outlives this.
    UdpAnnounce(AnnounceRequest request, AddressFamily family, std::string url_target,
                std::optional<UdpConnection> known, Rng& rng, TimePoint now);

    /// The next datagram to send, if any.
    std::optional<Bytes> poll_datagram();
    void handle_datagram(ByteView datagram, TimePoint now);
    void handle_timeout(TimePoint now);
    /// kNever once there is a result.
    TimePoint next_timeout() const { return result_ ? kNever : timeout_; }

    /// The transaction that a reply has to name now. Another one begins when datagrams or time-outs are
    /// handled.
    std::uint32_t transaction() const { return transaction_; }
    /// A refusal is a reply with a failure_reason. Errors: tracker_timed_out, tracker_bad_reply.
    const std::optional<Result<AnnounceReply>>& result() const { return result_; }
    /// To be used again for this address.
    const std::optional<UdpConnection>& connection() const { return connection_; }

  private:
    void begin(TimePoint now);
    void send(TimePoint now);
    Bytes connect_packet() const;
    Bytes announce_packet() const;
    void on_connected(ByteReader in, TimePoint now);
    void on_announced(ByteReader in);
    void on_error(ByteReader in, TimePoint now);

    const AnnounceRequest request_;
    const AddressFamily family_;
    const std::string url_target_;
    Rng& rng_;

    std::optional<UdpConnection> connection_;
    bool connection_is_old_ = false;  ///< known before: the tracker may have forgotten it
    bool connecting_ = true;
    std::uint32_t transaction_ = 0;
    unsigned repeats_ = 0;
    TimePoint timeout_;
    std::optional<Bytes> outgoing_;
    std::optional<Result<AnnounceReply>> result_;
};

}  // namespace btfs::tracker
