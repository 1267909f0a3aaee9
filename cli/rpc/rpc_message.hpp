// Messages of Transmission's RPC in both forms: finds the requests in a body, and writes the answers.
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "cli/rpc/rpc_names.hpp"

namespace btfs::cli {

/// Refusal of one request. The codes are those of JSON-RPC 2.0, and of Transmission 4.1.
class RpcError : public std::runtime_error {
  public:
    enum Code : int {
        parse_error = -32700,
        invalid_request = -32600,
        method_not_found = -32601,
        invalid_params = -32602,
        path_not_absolute = 3,
        unrecognized_source = 4,
        system_error = 5,
        no_such_file = 6,
    };
    RpcError(Code code_of_error, const std::string& text) : std::runtime_error(text), code(code_of_error) {}

    Code code;
};

/// One request of a body.
struct RpcCall {
    RpcForm form;
    std::string method;  ///< in snake_case
    const boost::json::object& params;
};

/// Returns the result of a call. Throws RpcError, or another exception, whose text becomes the error's.
using RpcFunction = std::function<boost::json::object(const RpcCall&)>;

/// A torrent file of kMaxTorrentFileSize in base64, and room for the rest of the request.
inline constexpr std::size_t kMaxRpcBody = std::size_t{90} << 20;
inline constexpr std::size_t kMaxRpcDepth = 16;
/// Requests of one JSON-RPC batch; more are refused.
inline constexpr std::size_t kMaxRpcBatch = 32;
/// Once the answers of a batch have so many bytes, the rest of it is not carried out, and gets errors.
inline constexpr std::size_t kMaxRpcBatchAnswers = std::size_t{64} << 20;
/// Memory that a parsed body may take: so many times its size, and so many bytes.
inline constexpr std::size_t kRpcMemoryTimes = 4;
inline constexpr std::size_t kRpcMemory = std::size_t{8} << 20;

/// Answers a body of any content: calls `function` for each request in it, in order. Returns the answer's
/// body; nothing if there is none to give, since all requests were JSON-RPC notifications.
std::optional<std::string> answer_rpc(std::string_view body, const RpcFunction& function);

}  // namespace btfs::cli
