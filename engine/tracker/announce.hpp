// Announces to trackers and their replies (BEP 3), over HTTP and UDP alike.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/hash.hpp"
#include "engine/core/time.hpp"

namespace btfs::tracker {

/// `paused` is BEP 21's: not complete, yet nothing is being downloaded. UDP has no word for it.
enum class AnnounceEvent : std::uint8_t { none, started, stopped, completed, paused };

struct AnnounceRequest {
    Sha1Digest info_hash;  ///< Identity::wire_hash()
    std::array<std::byte, 20> peer_id{};
    std::uint16_t port = 0;  ///< where we accept peers
    std::uint64_t uploaded = 0;
    std::uint64_t downloaded = 0;
    std::uint64_t left = 0;
    AnnounceEvent event = AnnounceEvent::none;
    std::uint32_t key = 0;      ///< the same for all announces of a session, so that an address may change
    std::uint32_t numwant = 0;  ///< peers asked for
    std::string tracker_id;     ///< "tracker id" that this tracker sent last
};

struct AnnounceReply {
    /// Not empty: the tracker refused, for this reason, and the rest is not set but for retry_in.
    std::string failure_reason;
    /// Of a refusal, BEP 31: when to come again. Duration::max() for never.
    std::optional<Duration> retry_in;

    Duration interval{};
    Duration min_interval{};  ///< zero if the tracker said nothing
    std::optional<std::uint32_t> complete;
    std::optional<std::uint32_t> incomplete;
    std::vector<Endpoint> peers;  ///< those that can be dialled
    std::string warning;
    std::string tracker_id;
    std::optional<Address> external_ip;  ///< ours, as the tracker sees it (BEP 24)
    std::optional<Address> tracker;      ///< the address that answered

    bool refused() const { return !failure_reason.empty(); }
    /// Notes the address that answered. Drops the peers of a narrower scope than that address, as
    /// may_tell_of() says: a public tracker must not make us connect to hosts of our own network. Returns how
    /// many were dropped.
    std::size_t set_tracker(const Address& address);
};

/// A tracker's interval is kept between these. The shortest is what private trackers ask for at the least;
/// libtorrent keeps 5 min and Transmission 2 min, but a reader that waits for a first peer cannot.
inline constexpr Duration kShortestInterval = 1min;
inline constexpr Duration kLongestInterval = 24h;
/// The interval of a tracker that names none.
inline constexpr Duration kDefaultInterval = 30min;
/// Peers taken from one reply; the rest is ignored.
inline constexpr std::size_t kMaxPeersPerReply = 2000;
/// Of a text to show to the user; the rest is cut off.
inline constexpr std::size_t kMaxReasonSize = 200;

Duration usable_interval(std::int64_t interval_seconds);
/// A tracker's text in one line, without control characters.
std::string usable_text(std::string_view text);

}  // namespace btfs::tracker
