// Encryption handshakes: the first bytes of connections that come in, and those that a dialled peer answers
// with. The first byte of an input says how far the peer keeps to the protocol, the next two how the bytes
// are cut and which rule holds; the rest is what the peer then sends.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "engine/wire/incoming_handshake.hpp"
#include "tests/engine/mse/support/raw_peer.hpp"

namespace {

using namespace btfs;
using mse::Progress;
using mse::test::joined;

/// The longest handshake that a peer can send: key, pad, mark, name, offer, pad, size, payload.
constexpr std::size_t kLongest = mse::kKeySize + 512 + 20 + 20 + 14 + 512 + 2 + mse::kMaxInitialPayload;
constexpr std::size_t kMostOutput = mse::kKeySize + 512 + 20 + 20 + 14 + 512 + 2 + 68;

void ours(std::span<std::byte> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i + 1);
}
void theirs(std::span<std::byte> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(7 * i + 3);
}

const Sha1Digest& here() {
    static const Sha1Digest hash = sha1(as_bytes("here"));
    return hash;
}
std::optional<Sha1Digest> find(const Sha1Digest& name) {
    return name == mse::obfuscated(here()) ? std::optional(here()) : std::nullopt;
}

/// Feeds a machine in pieces; true if it is done. It must have ended after the longest handshake.
template <class Machine>
bool feed(Machine& machine, ByteView bytes, std::size_t chunk) {
    std::size_t fed = 0, output = machine.take_output().size();
    while (!bytes.empty()) {
        const std::size_t n = std::min(chunk, bytes.size());
        const auto progress = machine.handle_bytes(bytes.first(n));
        output += machine.take_output().size();
        if (output > kMostOutput) std::abort();
        if (!progress) return false;
        if (*progress == Progress::done) return true;
        if ((fed += n) > kLongest) std::abort();
        bytes = bytes.subspan(n);
    }
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const std::size_t chunk = std::size_t{data[1]} + 1;
    const auto rule = static_cast<Encryption>(data[2] % 4);
    const ByteView said = std::as_bytes(std::span(data, size)).subspan(3);
    const mse::KeyExchange our_keys(ours);
    mse::test::RawPeer peer(theirs);
    const std::uint8_t mode = data[0] % 5;
    if (mode <= 2) {  // the peer has dialled
        wire::IncomingHandshake machine(rule, find, ours);
        Bytes bytes;
        peer.learn(our_keys.public_key(), here(), true);
        if (mode == 1) bytes = joined({peer.keys.public_key(), said});
        if (mode == 2)
            bytes = joined({peer.keys.public_key(), peer.synchronisation(), peer.named(here()),
                            peer.enciphered({said.begin(), said.end()})});
        if (!feed(machine, mode == 0 ? said : ByteView(bytes), chunk)) return 0;
        const auto outcome = machine.take_outcome();
        if (outcome.encrypted && (!takes_encrypted(rule) || outcome.info_hash != here())) std::abort();
        if (!outcome.encrypted && (!takes_plain(rule) || outcome.ciphers)) std::abort();
        if (rule == Encryption::require && !outcome.ciphers) std::abort();
        if (outcome.received.size() > mse::kMaxInitialPayload + chunk) std::abort();
        return 0;
    }
    const mse::Methods offered =
        rule == Encryption::off ? mse::Methods{mse::kPlaintext} : mse::methods_of(rule);
    mse::Initiator machine({here(), offered, Bytes(68)}, ours);
    peer.learn(our_keys.public_key(), here(), false);
    const Bytes bytes = mode == 3
                            ? Bytes(said.begin(), said.end())
                            : joined({peer.keys.public_key(), peer.enciphered({said.begin(), said.end()})});
    if (!feed(machine, bytes, chunk)) return 0;
    const mse::Agreement agreement = machine.take_agreement();
    if ((offered & (agreement.ciphers ? mse::kRc4 : mse::kPlaintext)) == 0) std::abort();
    if (agreement.received.size() > chunk) std::abort();
    return 0;
}
