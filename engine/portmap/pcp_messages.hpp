// Messages of the Port Control Protocol (RFC 6887): values, written and parsed.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/portmap/port_gateway.hpp"

namespace btfs::portmap {

/// Port of PCP servers, and of NAT-PMP.
inline constexpr std::uint16_t kPcpPort = 5351;

/// Result codes (RFC 6887, 7.4).
enum class PcpResult : std::uint8_t {
    success = 0,
    unsupported_version = 1,
    not_authorized = 2,
    malformed_request = 3,
    unsupported_opcode = 4,
    unsupported_option = 5,
    malformed_option = 6,
    network_failure = 7,
    no_resources = 8,
    unsupported_protocol = 9,
    user_exceeded_quota = 10,
    cannot_provide_external = 11,
    address_mismatch = 12,
    excessive_remote_peers = 13,
};

/// Text for the log; nullptr for a number that RFC 6887 does not name.
const char* pcp_result_text(int result);

/// Names the owner of a mapping: random, and the same for all requests about one mapping.
using PcpNonce = std::array<std::byte, 12>;

/// A request: ANNOUNCE, which asks whether there is a server, or MAP if `mapping` is set.
struct PcpRequest {
    struct Mapping {
        PcpNonce nonce{};
        Transport transport = Transport::tcp;
        std::uint16_t internal_port = 0;
        std::uint16_t wanted_port = 0;          ///< external; 0 if any will do
        std::optional<Address> wanted_address;  ///< external; of the family of `client`
    };

    Address client;                   ///< ours, as the server sees it in the header of the datagram
    std::chrono::seconds lifetime{};  ///< of the mapping; zero deletes it
    std::optional<Mapping> mapping;

    Bytes encoded() const;
};

/// An answer, by a server of PCP or of NAT-PMP.
struct PcpReply {
    struct Mapping {
        PcpNonce nonce{};
        Transport transport = Transport::tcp;
        std::uint16_t internal_port = 0;
        std::uint16_t external_port = 0;
        Address external_address;
    };

    /// Longest lifetime that is believed, of mappings and of errors (RFC 6887, 15 and 8.3).
    static constexpr std::chrono::seconds kLongestLifetime = std::chrono::hours(24);
    static constexpr std::chrono::seconds kLongestErrorLifetime = std::chrono::minutes(30);

    PcpResult result{};
    std::chrono::seconds lifetime{};  ///< of the mapping; with an error, how long that will last
    std::uint32_t epoch_s = 0;        ///< age of the server's state
    std::optional<Mapping> mapping;   ///< of a reply to MAP

    /// Nothing if the datagram is not a reply to an ANNOUNCE or MAP of ours. The reply of a server that
    /// speaks only NAT-PMP, or another version of PCP, has the result unsupported_version.
    static std::optional<PcpReply> parse(ByteView datagram);

    /// True if this is the reply to that request, and not to another one or by chance.
    bool answers(const PcpRequest& request) const;
};

}  // namespace btfs::portmap
