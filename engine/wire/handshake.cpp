#include "engine/wire/handshake.hpp"

#include <algorithm>
#include <cctype>

namespace btfs::wire {
namespace {

constexpr std::string_view kProtocol =
    "\x13"
    "BitTorrent protocol";
constexpr std::string_view kClientPrefix = "-FS0100-";
static_assert(kProtocol.size() == Handshake::kProtocolSize);
constexpr std::size_t kReservedAt = kProtocol.size(), kHashAt = kReservedAt + 8, kIdAt = kHashAt + 20;

// Position of a capability's bit in the reserved bytes.
struct Bit {
    std::size_t byte;
    std::byte mask;
    bool Capabilities::*flag;
};
constexpr Bit kBits[] = {
    {5, std::byte{0x10}, &Capabilities::extended},
    {7, std::byte{0x01}, &Capabilities::dht},
    {7, std::byte{0x04}, &Capabilities::fast},
    {7, std::byte{0x10}, &Capabilities::v2},
};

}  // namespace

std::array<std::byte, Handshake::kSize> Handshake::encode() const {
    std::array<std::byte, kSize> raw{};
    std::ranges::copy(as_bytes(kProtocol), raw.begin());
    for (const Bit& bit : kBits)
        if (capabilities.*bit.flag) raw[kReservedAt + bit.byte] |= bit.mask;
    std::ranges::copy(info_hash.bytes, raw.begin() + kHashAt);
    std::ranges::copy(peer_id, raw.begin() + kIdAt);
    return raw;
}

Result<Handshake> Handshake::parse(ByteView raw) {
    if (raw.size() != kSize || as_text(raw.first(kProtocol.size())) != kProtocol)
        return Errc::handshake_malformed;
    Handshake h;
    for (const Bit& bit : kBits)
        h.capabilities.*bit.flag = (raw[kReservedAt + bit.byte] & bit.mask) != std::byte{0};
    h.info_hash = Sha1Digest::from(raw.subspan(kHashAt, 20));
    std::ranges::copy(raw.subspan(kIdAt, 20), h.peer_id.begin());
    return h;
}

bool Handshake::may_begin_so(ByteView begun) {
    const std::size_t size = std::min(begun.size(), kProtocolSize);
    return as_text(begun.first(size)) == kProtocol.substr(0, size);
}

std::optional<Sha1Digest> Handshake::parse_hash(ByteView begun) {
    if (begun.size() < kIdAt) return std::nullopt;
    return Sha1Digest::from(begun.subspan(kHashAt, kIdAt - kHashAt));
}

PeerId make_peer_id(std::span<const std::byte, 12> random) {
    PeerId id;
    std::ranges::copy(random, std::ranges::copy(as_bytes(kClientPrefix), id.begin()).out);
    return id;
}

bool is_btfs(const PeerId& id) {
    return as_text(id).starts_with(kClientPrefix.substr(0, 3));  // whatever the version
}

std::string client_tag(const PeerId& id) {
    const std::string_view text = as_text(id);
    if (text[0] != '-' || text[7] != '-') return {};
    const std::string_view tag = text.substr(1, 6);
    const bool printable = std::ranges::all_of(tag, [](unsigned char c) { return std::isalnum(c) != 0; });
    return printable ? std::string(tag) : std::string();
}

}  // namespace btfs::wire
