// Bodies of requests to Transmission's RPC, of any content: each has an answer that is JSON of the right
// form, or, of notifications alone, none.
#include <boost/json.hpp>
#include <cstdlib>

#include "cli/rpc/rpc_arguments.hpp"
#include "cli/rpc/rpc_message.hpp"
#include "cli/rpc/tracker_change.hpp"
#include "engine/tracker/tracker_tiers.hpp"

namespace {

using namespace btfs::cli;

/// Reads all arguments in all ways.
boost::json::object look(const RpcCall& call) {
    const RpcArguments arguments(call.params);
    const auto tries = [](auto read) {
        try {
            read();
        } catch (const RpcError& error) {
            if (error.code != RpcError::invalid_params) std::abort();
        }
    };
    for (const auto& argument : arguments.all()) {
        const std::string& key = argument.first;
        if (snake_case(key) != key) std::abort();
        tries([&] { arguments.text(key); });
        tries([&] { arguments.flag(key); });
        tries([&] { arguments.texts(key); });
        tries([&] { arguments.indices(key); });
        tries([&] {
            const auto number = arguments.integer(key, -5, 1000);
            if (number && (*number < -5 || *number > 1000)) std::abort();
        });
    }
    tries([&] {
        const RpcIds ids = arguments.ids();
        if (ids.kind != RpcIds::Kind::some && !ids.some.empty()) std::abort();
    });
    tries([&] {
        const TrackerChange change(arguments);
        const TrackerList trackers = change.applied_to({{"http://127.0.0.1:1/x?key", "udp://127.0.0.1:2"}});
        std::size_t count = 0;
        for (const auto& tier : trackers) count += tier.size();
        if (count > btfs::tracker::TrackerTiers::kMaxTrackers) std::abort();
    });
    if (call.method == "fail") throw std::runtime_error("failed");
    return {{camel_name(call.form, call.method), dashed_name(call.form, call.method)}};
}

void check(const boost::json::object& answer) {
    const bool is_new = answer.contains("jsonrpc");
    if (is_new && answer.contains("result") == answer.contains("error")) std::abort();
    if (!is_new && (!answer.at("result").is_string() || !answer.at("arguments").is_object())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const auto answer = answer_rpc(body, look);
    if (!answer) return 0;
    boost::json::error_code error;
    boost::json::parse_options options;
    options.max_depth = 2 * kMaxRpcDepth;
    const auto parsed = boost::json::parse(*answer, error, {}, options);
    if (error) std::abort();
    if (parsed.is_object()) {
        check(parsed.get_object());
    } else {
        for (const auto& one : parsed.as_array()) check(one.as_object());
    }
    return 0;
}
