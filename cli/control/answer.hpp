// Fields of the objects that a mount answers with.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace btfs::cli {

/// Returns 0 if there is no such number.
std::uint64_t number_in(const boost::json::object& answer, std::string_view key);
/// Returns an empty text if there is none.
std::string text_in(const boost::json::object& answer, std::string_view key);
/// Returns false if there is no such boolean.
bool flag_in(const boost::json::object& answer, std::string_view key);

}  // namespace btfs::cli
