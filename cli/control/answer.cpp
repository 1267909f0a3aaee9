#include "cli/control/answer.hpp"

#include <boost/json/value.hpp>

namespace btfs::cli {

std::uint64_t number_in(const boost::json::object& answer, std::string_view key) {
    const auto* const value = answer.if_contains(key);
    boost::system::error_code too_large;
    return value != nullptr && value->is_number() ? value->to_number<std::uint64_t>(too_large) : 0;
}

std::string text_in(const boost::json::object& answer, std::string_view key) {
    const auto* const value = answer.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool flag_in(const boost::json::object& answer, std::string_view key) {
    const auto* const value = answer.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace btfs::cli
