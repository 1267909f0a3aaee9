// Fields of the session, as session-get of Transmission's RPC has them.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>

#include "cli/rpc/rpc_names.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {

/// What the answer to session-get is made of.
struct SessionFacts {
    std::string download_dir;
    std::string session_id;
    std::uint64_t free_bytes = 0;
    std::uint16_t peer_port = 0;
    bool filters_addresses = false;
    const EngineOptions& engine;
};

/// Returns all fields, by their names in snake_case; values as the form has them.
boost::json::object session_fields(const SessionFacts& facts, RpcForm form);

/// Fields that session-set of Transmission cannot change either: nobody means to change them.
bool is_read_only(std::string_view snake_case_name);

}  // namespace btfs::cli
