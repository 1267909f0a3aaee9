#include "cli/rpc/rpc_message.hpp"

#include <boost/json.hpp>
#include <new>
#include <utility>

#include "cli/text/bounded_memory.hpp"

namespace btfs::cli {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

/// Outcome of one call.
struct Outcome {
    object result = {};
    std::optional<RpcError> error = {};
};

Outcome carry_out(const RpcFunction& function, const RpcCall& call) {
    try {
        return {.result = function(call)};
    } catch (const RpcError& error) {
        return {.error = error};
    } catch (const std::exception& failure) {
        return {.error = RpcError(RpcError::system_error, failure.what())};
    }
}

std::string_view general_text(RpcError::Code code) {
    switch (code) {
        case RpcError::parse_error:
            return "Parse error";
        case RpcError::invalid_request:
            return "Invalid Request";
        case RpcError::method_not_found:
            return "Method not found";
        case RpcError::invalid_params:
            return "Invalid params";
        case RpcError::path_not_absolute:
            return "path is not absolute";
        case RpcError::unrecognized_source:
            return "unrecognized torrent";
        case RpcError::system_error:
            return "the request failed";
        case RpcError::no_such_file:
            return "file index out of range";
    }
    return "error";
}

object json_rpc_error(const RpcError& error, value id) {
    return {{"jsonrpc", "2.0"},
            {"error",
             {{"code", static_cast<int>(error.code)},
              {"message", general_text(error.code)},
              {"data", {{"error_string", error.what()}}}}},
            {"id", std::move(id)}};
}

/// Answers a request of JSON-RPC; nothing to a notification.
std::optional<object> answer_json_rpc(const value& request, const RpcFunction& function) {
    const object* const fields = request.if_object();
    if (!fields) return json_rpc_error({RpcError::invalid_request, "a request is an object"}, nullptr);
    const value* const version = fields->if_contains("jsonrpc");
    const value* const id = fields->if_contains("id");
    const bool id_is_right = !id || id->is_null() || id->is_string() || id->is_number();
    const value answer_id = id && id_is_right ? *id : value(nullptr);
    if (!version || !version->is_string() || version->get_string() != "2.0")
        return json_rpc_error({RpcError::invalid_request, "jsonrpc is not \"2.0\""}, answer_id);
    if (!id_is_right)
        return json_rpc_error({RpcError::invalid_request, "id is neither text nor number"}, nullptr);
    const value* const method = fields->if_contains("method");
    if (!method || !method->is_string())
        return json_rpc_error({RpcError::invalid_request, "method is no text"}, answer_id);
    const value* const params = fields->if_contains("params");
    if (params && !params->is_object()) {
        if (!id) return std::nullopt;
        return json_rpc_error({RpcError::invalid_params, "params is no object"}, answer_id);
    }
    static const object kNoParams;
    const RpcCall call{RpcForm::json_rpc, snake_case(method->get_string()),
                       params ? params->get_object() : kNoParams};
    Outcome outcome = carry_out(function, call);
    if (!id) return std::nullopt;
    if (outcome.error) return json_rpc_error(*outcome.error, answer_id);
    return object{{"jsonrpc", "2.0"}, {"result", std::move(outcome.result)}, {"id", answer_id}};
}

/// Answers a request of the old form.
object answer_old(const object& request, const RpcFunction& function) {
    Outcome outcome;
    const value* const method = request.if_contains("method");
    const value* const arguments = request.if_contains("arguments");
    static const object kNone;
    if (!method || !method->is_string()) {
        outcome.error = RpcError(RpcError::invalid_request, "method is no text");
    } else if (arguments && !arguments->is_object() && !arguments->is_null()) {
        outcome.error = RpcError(RpcError::invalid_params, "arguments is no object");
    } else {
        const object& params = arguments && arguments->is_object() ? arguments->get_object() : kNone;
        outcome = carry_out(function, {RpcForm::old, snake_case(method->get_string()), params});
    }
    object answer{{"arguments", std::move(outcome.result)}, {"result", "success"}};
    if (outcome.error) answer["result"] = outcome.error->what();
    if (const value* const tag = request.if_contains("tag"); tag && tag->is_number()) answer["tag"] = *tag;
    return answer;
}

std::optional<std::string> answer_batch(const array& requests, const RpcFunction& function) {
    if (requests.empty())
        return boost::json::serialize(
            json_rpc_error({RpcError::invalid_request, "the batch is empty"}, nullptr));
    if (requests.size() > kMaxRpcBatch)
        return boost::json::serialize(
            json_rpc_error({RpcError::invalid_request,
                            "the batch has more than " + std::to_string(kMaxRpcBatch) + " requests"},
                           nullptr));
    std::string answers;
    const RpcFunction in_bounds = [&](const RpcCall& call) {
        if (answers.size() >= kMaxRpcBatchAnswers)
            throw RpcError(RpcError::system_error, "not carried out: the answers of the batch are too large");
        return function(call);
    };
    for (const value& request : requests)
        if (const auto answer = answer_json_rpc(request, in_bounds))
            answers += (answers.empty() ? "[" : ",") + boost::json::serialize(*answer);
    if (answers.empty()) return std::nullopt;
    return answers + ']';
}

std::optional<std::string> answer_value(const value& body, const RpcFunction& function) {
    if (const array* const batch = body.if_array()) return answer_batch(*batch, function);
    const object* const request = body.if_object();
    if (request && !request->contains("jsonrpc"))
        return boost::json::serialize(answer_old(*request, function));
    const auto answer = answer_json_rpc(body, function);
    if (!answer) return std::nullopt;
    return boost::json::serialize(*answer);
}

}  // namespace

std::optional<std::string> answer_rpc(std::string_view body, const RpcFunction& function) {
    const auto refuse = [](const std::string& why) {
        return boost::json::serialize(json_rpc_error({RpcError::parse_error, why}, nullptr));
    };
    if (body.size() > kMaxRpcBody) return refuse("the request is too large");
    BoundedMemory memory(kRpcMemory + kRpcMemoryTimes * body.size());
    boost::json::parse_options options;
    options.max_depth = kMaxRpcDepth;
    value parsed(&memory);
    try {
        boost::json::error_code error;
        parsed = boost::json::parse(body, error, &memory, options);
        if (error) return refuse("the request is no JSON: " + error.message());
        return answer_value(parsed, function);
    } catch (const std::bad_alloc&) {
        return refuse("the request takes too much memory");
    }
}

}  // namespace btfs::cli
