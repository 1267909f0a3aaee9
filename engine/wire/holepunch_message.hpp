// ut_holepunch (BEP 55): a peer brings two others together, inside the extension protocol.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"

namespace btfs::wire {

struct HolepunchMessage {
    enum class Type : std::uint8_t {
        rendezvous = 0,  ///< to the relay: bring me together with the peer at `endpoint`
        connect = 1,     ///< from the relay: dial `endpoint` over uTP now
        error = 2,       ///< from the relay: no, for the reason in `failure`
    };
    enum class Failure : std::uint32_t {
        none = 0,           ///< in messages that are no error
        no_such_peer = 1,   ///< the endpoint is invalid
        not_connected = 2,  ///< the relay is not connected to the target
        no_support = 3,     ///< the target does not speak ut_holepunch
        no_self = 4,        ///< the target is the relay
    };

    Type type = Type::rendezvous;
    Endpoint endpoint;
    /// As it came: a relay may know reasons that BEP 55 does not have.
    Failure failure = Failure::none;

    /// 12 bytes for an IPv4 endpoint, 24 for an IPv6 one.
    Bytes encode() const;
    /// From the payload of an extended message. Nothing for a type or kind of address that is not known.
    /// Errc::message_malformed if it is too short. libtorrent leaves the error code out where there is no
    /// error; bytes behind the end are ignored. Nothing is said of whether the endpoint is of any use.
    static Result<std::optional<HolepunchMessage>> parse(ByteView payload);

    bool operator==(const HolepunchMessage&) const = default;
};

}  // namespace btfs::wire
