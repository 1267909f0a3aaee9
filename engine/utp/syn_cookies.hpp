// Cookies in place of state for connections that are half open.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "engine/core/endpoint.hpp"
#include "engine/core/secret.hpp"
#include "engine/core/time.hpp"

namespace btfs::utp {

/// The sequence number in our answer to a SYN depends on its sender, id and number, and on a secret. Content
/// that acknowledges it proves that its sender got the answer, and tells all that the SYN had told. So a
/// flood of SYNs costs no memory, and pushes nobody out.
class SynCookies {
  public:
    /// A cookie is good for one to two of these.
    static constexpr Duration kSlot = std::chrono::seconds(16);
    /// The first packets may overtake each other, or be lost: content up to so many behind the SYN counts.
    static constexpr std::uint16_t kMostAhead = 4;

    explicit SynCookies(const SecretSource& secret) { secret(key_); }

    /// Our first sequence number for a connection whose initiator receives under `id`.
    std::uint16_t first_number(const Endpoint& from, std::uint16_t id, std::uint16_t syn_number,
                               TimePoint now) const;
    /// The number that the SYN had; nothing if the sender of content has not got our answer to one.
    std::optional<std::uint16_t> syn_number(const Endpoint& from, std::uint16_t id,
                                            std::uint16_t content_number, std::uint16_t ack_number,
                                            TimePoint now) const;

  private:
    std::uint16_t mask(const Endpoint& from, std::uint16_t id, std::uint64_t slot) const;

    std::array<std::byte, 32> key_{};
};

}  // namespace btfs::utp
