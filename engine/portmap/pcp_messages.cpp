#include "engine/portmap/pcp_messages.hpp"

#include <algorithm>

namespace btfs::portmap {
namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kReplyBit = 0x80;
constexpr std::uint8_t kAnnounce = 0;
constexpr std::uint8_t kMap = 1;
constexpr std::size_t kHeaderSize = 24;
constexpr std::size_t kMaxSize = 1100;
/// The smallest reply of NAT-PMP, whose version is 0: version, opcode, result of two bytes, epoch.
constexpr std::size_t kNatPmpSize = 8;
/// IANA's numbers of protocols.
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;

/// Appends an address in 16 bytes: an IPv4 address is mapped (RFC 4291, 2.5.5.2).
void put_address(ByteWriter& to, const Address& address) {
    if (address.is_v4()) to.u64(0).u32(0xffff);
    to.bytes(address.bytes());
}

/// "All zeros", in the family of another address.
Address none_like(const Address& address) {
    return address.is_v4() ? Address{} : *Address::parse("::");
}

std::optional<PcpReply::Mapping> parse_mapping(ByteReader& from) {
    PcpReply::Mapping mapping;
    std::ranges::copy(from.take(mapping.nonce.size()), mapping.nonce.begin());
    const std::uint8_t protocol = from.u8();
    from.take(3);
    mapping.internal_port = from.u16();
    mapping.external_port = from.u16();
    const auto address = Address::from_bytes(from.take(16));
    if (!from.ok() || !address || (protocol != kTcp && protocol != kUdp)) return std::nullopt;
    mapping.transport = protocol == kTcp ? Transport::tcp : Transport::udp;
    mapping.external_address = *address;
    return mapping;
}

}  // namespace

const char* pcp_result_text(int result) {
    switch (static_cast<PcpResult>(result)) {
        case PcpResult::success:
            return "success";
        case PcpResult::unsupported_version:
            return "the router does not speak this version of PCP";
        case PcpResult::not_authorized:
            return "the router does not allow this mapping";
        case PcpResult::malformed_request:
            return "the router calls the request malformed";
        case PcpResult::unsupported_opcode:
            return "the router does not map ports by PCP";
        case PcpResult::unsupported_option:
            return "the router does not know an option";
        case PcpResult::malformed_option:
            return "the router calls an option malformed";
        case PcpResult::network_failure:
            return "the router has no connection";
        case PcpResult::no_resources:
            return "the router has no room for a mapping";
        case PcpResult::unsupported_protocol:
            return "the router does not map this transport";
        case PcpResult::user_exceeded_quota:
            return "the router allows us no further mapping";
        case PcpResult::cannot_provide_external:
            return "the router cannot give this external port";
        case PcpResult::address_mismatch:
            return "another NAT is between us and the router";
        case PcpResult::excessive_remote_peers:
            return "the router has no room for these remote peers";
    }
    return nullptr;
}

Bytes PcpRequest::encoded() const {
    Bytes out;
    ByteWriter to(out);
    to.u8(kVersion).u8(mapping ? kMap : kAnnounce).u16(0).u32(static_cast<std::uint32_t>(lifetime.count()));
    put_address(to, client);
    if (!mapping) return out;
    to.bytes(mapping->nonce).u8(mapping->transport == Transport::tcp ? kTcp : kUdp).u8(0).u16(0);
    to.u16(mapping->internal_port).u16(mapping->wanted_port);
    put_address(to, mapping->wanted_address.value_or(none_like(client)));
    return out;
}

std::optional<PcpReply> PcpReply::parse(ByteView datagram) {
    ByteReader from(datagram);
    const std::uint8_t version = from.u8();
    const std::uint8_t opcode = from.u8();
    if ((opcode & kReplyBit) == 0) return std::nullopt;
    from.u8();
    const auto result = static_cast<PcpResult>(from.u8());
    if (version != kVersion) {
        // The result stands where NAT-PMP has the lower half of its own, which has the same meaning.
        if (datagram.size() < kNatPmpSize || result != PcpResult::unsupported_version) return std::nullopt;
        return PcpReply{.result = result, .mapping = {}};
    }
    if (datagram.size() < kHeaderSize || datagram.size() > kMaxSize || datagram.size() % 4 != 0)
        return std::nullopt;

    PcpReply reply{.result = result, .mapping = {}};
    reply.lifetime = std::min(std::chrono::seconds(from.u32()),
                              result == PcpResult::success ? kLongestLifetime : kLongestErrorLifetime);
    reply.epoch_s = from.u32();
    from.take(12);
    if (opcode == (kReplyBit | kMap)) {
        reply.mapping = parse_mapping(from);
        // A server that does not know the version may leave out what it did not understand.
        if (!reply.mapping && result != PcpResult::unsupported_version) return std::nullopt;
    } else if (opcode != (kReplyBit | kAnnounce)) {
        return std::nullopt;
    }
    return reply;
}

bool PcpReply::answers(const PcpRequest& request) const {
    if (result == PcpResult::unsupported_version) return true;
    if (mapping.has_value() != request.mapping.has_value()) return false;
    return !mapping ||
           (mapping->nonce == request.mapping->nonce && mapping->transport == request.mapping->transport &&
            mapping->internal_port == request.mapping->internal_port);
}

}  // namespace btfs::portmap
