// Vote of other hosts on which address they see us at (BEP 10 yourip, BEP 42).
#pragma once

#include <map>
#include <optional>

#include "engine/core/endpoint.hpp"

namespace btfs {

/// Each voter has one vote: an IPv4 address, or an IPv6 network of 64 bits. The newest kMaxVotes count.
class AddressVote {
  public:
    static constexpr std::size_t kMaxVotes = 64;
    static constexpr std::size_t kQuorum = 6;

    void vote(const Address& voter, const Address& ours);
    /// The address that more than half of at least kQuorum votes name.
    std::optional<Address> winner() const;

  private:
    struct Vote {
        Address ours;
        std::uint64_t number = 0;
    };
    std::map<Address, Vote> votes_;
    std::uint64_t count_ = 0;
};

}  // namespace btfs
