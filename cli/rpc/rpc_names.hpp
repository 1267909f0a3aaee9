// Names in Transmission's RPC: its old form mixes styles, JSON-RPC has snake_case alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace btfs::cli {

/// Form of a request, in which the answer is given.
enum class RpcForm : std::uint8_t {
    old,       ///< Transmission 4.0's own: method, arguments, tag
    json_rpc,  ///< JSON-RPC 2.0, of Transmission 4.1
};

/// Returns a name of any style in snake_case: "downloadDir", "download-dir" and "download_dir" are one.
std::string snake_case(std::string_view name);
/// Returns a name in snake_case as the form has it where the old one has camelCase: fields of torrents.
std::string camel_name(RpcForm form, std::string_view name);
/// The same where the old form has dashes: methods, and the fields of the session.
std::string dashed_name(RpcForm form, std::string_view name);

}  // namespace btfs::cli
