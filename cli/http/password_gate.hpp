// The login of the web server: one password, and time between wrong ones.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "engine/core/endpoint.hpp"
#include "engine/core/hash.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

/// Checks HTTP's Basic login (RFC 7617); the user's name counts for nothing. After a wrong password its
/// address (an IPv6 address: its /64) has to wait, for each more twice as long, and nobody else has to. An
/// address that a proxy has told of may be made up, a new one for each guess: so after kMostForwarded wrong
/// passwords of such addresses with no right one between them, all of these have kForwardedWait between two
/// guesses.
class PasswordGate {
  public:
    static constexpr Duration kFirstWait = 500ms;
    static constexpr Duration kLongestWait = 60s;
    static constexpr unsigned kMostForwarded = 200;
    static constexpr Duration kForwardedWait = 1s;
    /// Addresses whose wrong passwords are counted; the one that is longest ago makes room.
    static constexpr std::size_t kMaxAddresses = 1024;

    enum class Verdict {
        open,      ///< there is no password, or this was it
        closed,    ///< none was given, or a wrong one: status 401
        too_soon,  ///< it was not looked at: status 429
    };

    /// Nothing: no password is asked for.
    explicit PasswordGate(const std::optional<std::string>& password);

    struct Client {
        Address address;
        bool forwarded = false;  ///< a proxy has told of the address
    };
    /// `authorization` is the request's header; empty: there is none.
    Verdict check(std::string_view authorization, const Client& client, TimePoint now);
    /// Returns the time until the client may try again.
    Duration wait_of(const Client& client, TimePoint now) const;

  private:
    struct Failures {
        Address network;
        unsigned count = 0;
        TimePoint until{};
    };

    const Failures* find(const Address& network) const;
    void count_failure(const Client& client, TimePoint now);

    std::optional<Sha256Digest> password_;
    std::deque<Failures> failures_;    ///< the one of the latest failure last
    unsigned forwarded_failures_ = 0;  ///< since the last right password of a forwarded client
    TimePoint forwarded_until_{};
};

}  // namespace btfs::cli
