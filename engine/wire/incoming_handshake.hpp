// IncomingHandshake: finds out what a connection that has come in is, and which torrent it is for.
#pragma once

#include <optional>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/hash.hpp"
#include "engine/mse/encryption.hpp"
#include "engine/mse/handshake.hpp"

namespace btfs::wire {

/// A machine that takes the first bytes of a connection that a peer has made: those of a plain BitTorrent
/// handshake up to its info-hash (BEP 3), or of an encryption handshake (engine/mse). What does not begin
/// with the 20 bytes of BEP 3 is taken for encrypted, since a public key may begin with any byte. What it
/// keeps is bounded, see mse::Side; how long the peer takes, the caller bounds.
class IncomingHandshake {
  public:
    struct Outcome {
        Sha1Digest info_hash;
        /// The peer has encrypted the handshake, whatever follows it.
        bool encrypted = false;
        std::optional<mse::Ciphers> ciphers;
        /// The first bytes for the session, deciphered: a handshake, or the begin of one, or none.
        Bytes received;
    };

    /// Refuses what `rule` forbids as soon as it is recognised (Errc::encryption_refused), without an
    /// answer. `find` finds torrents for encrypted connections; a plain one's info-hash is not looked up.
    IncomingHandshake(Encryption rule, mse::FindTorrent find, SecretSource secrets = fill_secret);

    /// Done when the outcome is there. Not called any more after that, nor after an error.
    Result<mse::Progress> handle_bytes(ByteView bytes);
    /// The bytes to be sent now. To be sent even though the outcome is there.
    Bytes take_output();
    Outcome take_outcome();

  private:
    Result<mse::Progress> on_plain();

    const Encryption rule_;
    mse::FindTorrent find_;
    SecretSource secrets_;
    Bytes begun_;                              ///< while it is plain, or may be
    std::optional<mse::Responder> encrypted_;  ///< once it is known to be encrypted
};

}  // namespace btfs::wire
