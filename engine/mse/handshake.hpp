// The handshake of Message Stream Encryption (MSE, "protocol encryption"), both sides of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/hash.hpp"
#include "engine/core/secret.hpp"
#include "engine/mse/encryption.hpp"
#include "engine/mse/key_exchange.hpp"
#include "engine/mse/rc4.hpp"

namespace btfs::mse {

/// Random bytes that either side may put behind a message of the handshake.
inline constexpr std::size_t kMaxPad = 512;
/// Longest initial payload that is taken of a peer. It is a BitTorrent handshake, of 68 bytes, as a rule.
inline constexpr std::size_t kMaxInitialPayload = 1024;

/// Ciphers of both directions, at the end of the handshake.
struct Ciphers {
    Rc4 incoming, outgoing;
};

/// Outcome of a handshake, the same on both sides.
struct Agreement {
    Sha1Digest info_hash;
    /// Nothing: what follows is not encrypted.
    std::optional<Ciphers> ciphers;
    /// First bytes of what follows, deciphered: those that came together with the end of the handshake.
    Bytes received;
};

/// The hash by which the dialling side names its torrent: HASH('req2', info-hash).
Sha1Digest obfuscated(const Sha1Digest& info_hash);
/// Finds the info-hash that an obfuscated one is of, among the torrents that are here.
using FindTorrent = std::function<std::optional<Sha1Digest>(const Sha1Digest& obfuscated)>;

enum class Progress : std::uint8_t { needs_more, done };

/// Base of both sides. Bytes of the peer go in, in pieces of any size; after each call, what is to be
/// sent comes out. What is kept of the peer's bytes is bounded by the longest message, about 1.6 KB, and the
/// size of one call's bytes.
class Side {
  public:
    /// Done when the agreement is there. After an error the connection is of no use. Not called any more
    /// after either.
    Result<Progress> handle_bytes(ByteView bytes);
    /// The bytes to be sent now, which may be some before any have come. They are to be sent even though
    /// the handshake is over.
    Bytes take_output() { return std::exchange(output_, {}); }
    Agreement take_agreement() { return std::move(*agreement_); }

    virtual ~Side() = default;

  protected:
    /// Outcome of a step: there are too few bytes for it; it is done, and the next one may follow; it is
    /// done, and was the last.
    enum class Step : std::uint8_t { waits, taken, last };

    explicit Side(SecretSource secrets);

    /// Does what comes next if enough bytes are there.
    virtual Result<Step> step() = 0;
    /// The peer's bytes up to `size`, which are then forgotten; nothing while there are not so many.
    std::optional<Bytes> take(std::size_t size);
    /// Forgets the peer's bytes up to the end of `mark`; `taken` if it was found. It begins behind kMaxPad
    /// bytes at the latest, else Errc::encryption_malformed.
    Result<Step> skip_to(ByteView mark);
    void send(ByteView bytes) { ByteWriter(output_).bytes(bytes); }
    /// Enciphers with the outgoing cipher.
    void send_enciphered(Bytes bytes);
    /// Up to kMaxPad random bytes.
    Bytes random_pad();
    void set_keys(const Sha1Digest& info_hash, bool dialled);
    /// `initial`: deciphered bytes that come before the rest of the peer's.
    void agree(const Sha1Digest& info_hash, Method method, Bytes initial = {});

    const SecretSource secrets_;
    const KeyExchange keys_;
    Key secret_{};  ///< once the peer's key is here
    std::optional<Ciphers> ciphers_;
    Bytes input_;

  private:
    Bytes output_;
    std::optional<Agreement> agreement_;
};

/// The side that has dialled.
class Initiator final : public Side {
  public:
    struct Options {
        Sha1Digest info_hash;
        Methods offered = kPlaintext | kRc4;
        /// Sent enciphered with the handshake, whatever method is agreed on: the BitTorrent handshake alone,
        /// since libtorrent hangs up on more.
        Bytes initial_payload = {};
    };
    /// `secrets` is kept and called.
    explicit Initiator(Options options, SecretSource secrets = fill_secret);

  private:
    enum class State : std::uint8_t { key, verification, selection, pad };
    Result<Step> step() override;

    const Options options_;
    State state_ = State::key;
    Bytes verification_;  ///< as the peer enciphers it
    std::size_t pad_size_ = 0;
    Method selected_ = kRc4;
};

/// The side that was dialled. It does not know which torrent the peer means until the peer has proven that
/// it knows one that is here.
class Responder final : public Side {
  public:
    /// `accepted`: the methods of which one is selected, RC4 rather than plaintext.
    Responder(Methods accepted, FindTorrent find, SecretSource secrets = fill_secret);

  private:
    enum class State : std::uint8_t { key, synchronisation, torrent, offer, pad, initial_payload };
    Result<Step> step() override;
    Result<Step> on_torrent(ByteView named);

    const Methods accepted_;
    const FindTorrent find_;
    State state_ = State::key;
    Sha1Digest info_hash_;
    Methods offered_ = 0;
    std::size_t pad_size_ = 0, initial_size_ = 0;
};

}  // namespace btfs::mse
