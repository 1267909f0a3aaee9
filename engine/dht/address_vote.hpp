// What address others see us at (BEP 42).
#pragma once

#include <map>
#include <optional>

#include "engine/core/endpoint.hpp"

namespace btfs::dht {

/// Every host has one vote; the newest kMaxVotes count.
class AddressVote {
  public:
    static constexpr std::size_t kMaxVotes = 64;
    static constexpr std::size_t kQuorum = 6;

    void vote(const Address& voter, const Address& ours);
    /// What more than half of at least kQuorum votes say.
    std::optional<Address> winner() const;

  private:
    struct Vote {
        Address ours;
        std::uint64_t number = 0;
    };
    std::map<Address, Vote> votes_;
    std::uint64_t count_ = 0;
};

}  // namespace btfs::dht
