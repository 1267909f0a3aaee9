#include "cli/rpc/rpc_arguments.hpp"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <cmath>
#include <limits>

#include "cli/rpc/rpc_message.hpp"
#include "cli/rpc/rpc_names.hpp"

namespace btfs::cli {
namespace {

using boost::json::value;

[[noreturn]] void refuse(std::string_view key, const char* why) {
    throw RpcError(RpcError::invalid_params, std::string(key) + ' ' + why);
}

std::optional<double> number_in(const value& from) {
    if (from.is_double() && std::isfinite(from.get_double())) return from.get_double();
    if (from.is_int64()) return static_cast<double>(from.get_int64());
    if (from.is_uint64()) return static_cast<double>(from.get_uint64());
    return std::nullopt;
}

const boost::json::array& items_of(const value& from, std::string_view key) {
    if (!from.is_array()) refuse(key, "is no array");
    if (from.get_array().size() > kMaxRpcItems) refuse(key, "has too many items");
    return from.get_array();
}

std::variant<std::int64_t, std::string> id_in(const value& from) {
    if (from.is_int64()) return from.get_int64();
    if (from.is_string()) return std::string(from.get_string());
    refuse("ids", "has neither numbers nor info-hashes");
}

}  // namespace

RpcArguments::RpcArguments(const boost::json::object& arguments) {
    if (arguments.size() > kMaxRpcArguments)
        throw RpcError(RpcError::invalid_params, "the request has too many arguments");
    for (const auto& [key, given] : arguments)
        if (!given.is_null()) values_.insert_or_assign(snake_case(key), &given);
}

const value* RpcArguments::find(std::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : found->second;
}

std::optional<std::string> RpcArguments::text(std::string_view key) const {
    const value* const found = find(key);
    if (!found) return std::nullopt;
    if (!found->is_string()) refuse(key, "is no text");
    return std::string(found->get_string());
}

std::optional<bool> RpcArguments::flag(std::string_view key) const {
    const value* const found = find(key);
    if (!found) return std::nullopt;
    if (found->is_bool()) return found->get_bool();
    const auto number = number_in(*found);
    if (!number || (*number != 0 && *number != 1)) refuse(key, "is no boolean");
    return *number == 1;
}

std::optional<double> RpcArguments::number(std::string_view key) const {
    const value* const found = find(key);
    if (!found) return std::nullopt;
    const auto number = number_in(*found);
    if (!number) refuse(key, "is no number");
    return number;
}

std::optional<std::int64_t> RpcArguments::integer(std::string_view key, std::int64_t least,
                                                  std::int64_t most) const {
    const auto given = number(key);
    if (!given) return std::nullopt;
    const double rounded = std::round(*given);
    if (rounded < static_cast<double>(least) || rounded > static_cast<double>(most))
        refuse(key, "is out of its range");
    return static_cast<std::int64_t>(rounded);
}

std::optional<std::vector<std::string>> RpcArguments::texts(std::string_view key) const {
    const value* const found = find(key);
    if (!found) return std::nullopt;
    std::vector<std::string> texts;
    for (const value& item : items_of(*found, key)) {
        if (!item.is_string()) refuse(key, "has something else than texts");
        texts.emplace_back(item.get_string());
    }
    return texts;
}

std::optional<std::vector<std::uint32_t>> RpcArguments::indices(std::string_view key) const {
    const value* const found = find(key);
    if (!found) return std::nullopt;
    std::vector<std::uint32_t> indices;
    for (const value& item : items_of(*found, key)) {
        if (!item.is_int64() || item.get_int64() < 0 ||
            item.get_int64() > std::numeric_limits<std::uint32_t>::max())
            refuse(key, "has something else than numbers of files");
        indices.push_back(static_cast<std::uint32_t>(item.get_int64()));
    }
    return indices;
}

RpcIds RpcArguments::ids() const {
    const value* found = find("ids");
    if (!found) found = find("id");
    if (!found) return {};
    RpcIds ids{.kind = RpcIds::Kind::some};
    if (found->is_string()) {
        if (snake_case(found->get_string()) == "recently_active")
            return {.kind = RpcIds::Kind::recently_active};
        ids.some.emplace_back(std::string(found->get_string()));
    } else if (found->is_array()) {
        for (const value& item : items_of(*found, "ids")) ids.some.push_back(id_in(item));
    } else {
        ids.some.push_back(id_in(*found));
    }
    return ids;
}

void take_number(const RpcArguments& arguments, std::string_view key, std::uint32_t& to) {
    if (const auto number = arguments.integer(key, 0, kMostLimit)) to = static_cast<std::uint32_t>(*number);
}

void take_flag(const RpcArguments& arguments, std::string_view key, bool& to) {
    if (const auto flag = arguments.flag(key)) to = *flag;
}

}  // namespace btfs::cli
