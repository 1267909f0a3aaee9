// Fields of the session, as session-get of Transmission's RPC has them.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/rpc/rpc_names.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {

/// Limits of the session in one direction, in thousands of bytes per second.
struct RateSetting {
    bool is_on = false;
    std::uint32_t kB = 0;
    /// Bytes per second that the mount's option gives. They hold until another number is set.
    std::uint64_t of_option = 0;

    bool operator==(const RateSetting&) const = default;
    std::optional<std::uint64_t> bytes() const {
        if (!is_on) return std::nullopt;
        return of_option / 1000 == kB ? of_option : std::uint64_t{kB} * 1000;
    }
};

/// Limits that clients may change while the mount stands. The alternative ones hold in place of the others
/// while they are on.
struct SessionRates {
    RateSetting down, up;
    bool alternative_is_on = false;
    std::uint32_t alternative_down_kB = 50, alternative_up_kB = 50;

    bool operator==(const SessionRates&) const = default;
    /// Those that the options of the mount give.
    static SessionRates of(const EngineOptions& engine);
    std::optional<std::uint64_t> download() const {
        return alternative_is_on ? RateSetting{true, alternative_down_kB}.bytes() : down.bytes();
    }
    std::optional<std::uint64_t> upload() const {
        return alternative_is_on ? RateSetting{true, alternative_up_kB}.bytes() : up.bytes();
    }
};

/// State of the mount from which the answer to session-get is made.
struct SessionFacts {
    std::string download_dir;
    std::string session_id;
    std::uint64_t free_bytes = 0;
    std::uint16_t peer_port = 0;
    std::optional<std::size_t> filtered_ranges = {};  ///< of addresses; nothing: there is no filter
    const EngineOptions& engine;
    SessionRates rates = {};
    bool starts_added = true;
};

/// Returns all fields, by their names in snake_case; values as the form has them.
boost::json::object session_fields(const SessionFacts& facts, RpcForm form);

/// Fields that session-set of Transmission cannot change either: nobody means to change them.
bool is_read_only(std::string_view snake_case_name);

}  // namespace btfs::cli
