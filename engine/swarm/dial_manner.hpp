// DialManner: the way in which a peer is dialled.
#pragma once

#include <cstdint>
#include <optional>

namespace btfs {

struct DialManner {
    /// The connection begins with an encryption handshake (engine/mse).
    bool encrypted = false;

    bool operator==(const DialManner&) const = default;
};

/// The transport that a dial begins with; the other one follows.
enum class FirstTransport : std::uint8_t {
    usual,  ///< TCP, or both at once
    tcp,    ///< it was faster with this peer
    utp,    ///< so was uTP, with this peer or others of the torrent
};

/// The way in which a peer was connected to us, for its next dial to begin with.
struct KnownWay {
    /// Nothing: no manner in which to dial it is known.
    std::optional<DialManner> manner = {};
    /// It takes uTP connections.
    bool utp = false;

    bool operator==(const KnownWay&) const = default;
};

/// A set of manners.
class DialManners {
  public:
    bool contains(DialManner manner) const { return (bits_ & bit(manner)) != 0; }
    void insert(DialManner manner) { bits_ |= bit(manner); }
    void erase(DialManner manner) { bits_ &= static_cast<std::uint8_t>(~bit(manner)); }
    void clear() { bits_ = 0; }

  private:
    static std::uint8_t bit(DialManner manner) { return manner.encrypted ? 2 : 1; }

    std::uint8_t bits_ = 0;
};

}  // namespace btfs
