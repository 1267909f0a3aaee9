// Exchange of one PCP request and its reply, without any socket.
#pragma once

#include <algorithm>
#include <optional>

#include "engine/core/error.hpp"
#include "engine/core/rng.hpp"
#include "engine/core/time.hpp"
#include "engine/portmap/pcp_messages.hpp"

namespace btfs::portmap {

/// Sends a request again and again, at growing intervals, until it is answered or kPatience is over. Only
/// handle_datagram() takes datagrams, which the caller receives from the server's address alone.
class PcpExchange {
  public:
    /// First interval. RFC 6887 (8.1.1) has 3 s, and goes on for ever; but the server is the router next to
    /// us, and while nothing is known of it, NAT-PMP and UPnP wait for their turn. So the interval is that of
    /// NAT-PMP. MappingSchedule has the long intervals.
    static constexpr Duration kFirstInterval = std::chrono::milliseconds(250);
    static constexpr Duration kPatience = 2s;

    PcpExchange(PcpRequest request, TimePoint now, std::uint64_t seed)
        : request_(std::move(request)), rng_(seed), due_(now), end_(now + kPatience) {}

    /// The request, if it has to be sent now.
    std::optional<Bytes> poll_send(TimePoint now);
    /// Ignores datagrams that do not answer the request.
    void handle_datagram(ByteView datagram);

    /// The reply, or timed_out; nothing while it is waited for.
    std::optional<Result<PcpReply>> outcome(TimePoint now) const;
    /// Time of the next poll_send() or of the end.
    TimePoint wake_at() const { return std::min(due_, end_); }

  private:
    const PcpRequest request_;
    Rng rng_;
    TimePoint due_;
    const TimePoint end_;
    Duration interval_{};
    std::optional<PcpReply> reply_;
};

}  // namespace btfs::portmap
