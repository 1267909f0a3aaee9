// Limit of the content that is taken from one address: what we announce, and a tenth of the torrent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>

#include "engine/core/endpoint.hpp"
#include "engine/core/layout.hpp"

namespace btfs {

/// Content of one address, over all its connections, those that have ended too.
struct TakeAccount {
    /// Bytes that came from it, needed or not, and those that are asked of it.
    std::uint64_t taken = 0;
    std::size_t connections = 0;
    /// Place among the addresses that have left; 0 while it has connections.
    std::uint64_t left_as = 0;
};

/// Accounts of one torrent by address. Many users run an anti-leech tool, which compares what their client
/// sent to an address with the progress that the address announces, and bans the address if it got a tenth of
/// the torrent more. An honest client gets there by pieces that fail their hash, blocks that come twice and
/// pieces that are never finished. Tools count by IPv4 address and IPv6 /56, and so do the accounts. On the
/// engine thread.
class TakeLimit {
  public:
    /// The tools ignore smaller torrents, and so does the limit.
    static constexpr std::uint64_t kSmallTorrent = 50'000'000;
    /// The bytes beyond the announced pieces: this part of the torrent, or so many pieces if that is
    /// more. Progress comes by whole pieces: one is hashed while the next one comes, or a failed one comes
    /// again.
    static constexpr std::uint64_t kPart = 10;
    static constexpr std::uint64_t kLeastPieces = 2;
    /// Addresses without a connection that are remembered.
    static constexpr std::size_t kMaxGone = 4096;

    /// The torrent, and how much of it peers are told that we have.
    void know_content(const Layout& layout, std::uint64_t announced_bytes);
    /// Peers are told that we have the piece, or that we do not have it any more.
    void on_announced(std::uint64_t piece_size) { most_ += limited() ? piece_size : 0; }
    void on_withdrawn(std::uint64_t piece_size) { most_ -= limited() ? piece_size : 0; }
    /// From now on pieces that a reader will need soon come before the limit. Called when pieces that come do
    /// not stay: announcements do not grow then, and the limit would leave the reader the slowest peers.
    void yield_to_readers() { yields_ = true; }
    bool yields_to_readers() const { return yields_; }

    /// Returns the account of the address, which has one connection more. The account stays where it is until
    /// the address leaves as often.
    TakeAccount& join(const Address& address);
    void leave(const Address& address);

    bool may_take(const TakeAccount& account, std::uint64_t bytes) const {
        return account.taken + bytes <= most_;
    }
    std::size_t size() const { return accounts_.size(); }

  private:
    static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
    bool limited() const { return most_ != kNoLimit; }

    /// The bytes that may be taken from an address by now.
    std::uint64_t most_ = kNoLimit;
    bool yields_ = false;
    std::map<Address, TakeAccount> accounts_;
    /// Addresses without a connection, in the order in which they left.
    std::map<std::uint64_t, Address> gone_;
    std::uint64_t leaves_ = 0;
};

}  // namespace btfs
