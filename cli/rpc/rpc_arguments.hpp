// Arguments of an RPC request, whose names may be of any style.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace btfs::cli {

/// More are refused.
inline constexpr std::size_t kMaxRpcArguments = 200;
inline constexpr std::size_t kMaxRpcItems = std::size_t{1} << 20;  ///< of one list

/// Torrents that a request names. An empty list names none.
struct RpcIds {
    enum class Kind : std::uint8_t { all, recently_active, some };
    Kind kind = Kind::all;
    /// Ids and info-hashes, of Kind::some.
    std::vector<std::variant<std::int64_t, std::string>> some = {};
};

/// A view of a request's arguments. Getters return nothing for what is not there or null, and throw RpcError
/// for what has another type. `key` is in snake_case.
class RpcArguments {
  public:
    /// The object outlives this.
    explicit RpcArguments(const boost::json::object& arguments);

    const std::map<std::string, const boost::json::value*, std::less<>>& all() const { return values_; }
    const boost::json::value* find(std::string_view key) const;
    std::optional<std::string> text(std::string_view key) const;
    /// Takes 0 and 1, too.
    std::optional<bool> flag(std::string_view key) const;
    std::optional<double> number(std::string_view key) const;
    /// Of a number, rounded; RpcError beyond `least` and `most`.
    std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most) const;
    std::optional<std::vector<std::string>> texts(std::string_view key) const;
    /// Numbers of files.
    std::optional<std::vector<std::uint32_t>> indices(std::string_view key) const;
    /// Of "ids", or of "id".
    RpcIds ids() const;

  private:
    std::map<std::string, const boost::json::value*, std::less<>> values_;
};

/// Largest number of a limit that a client may set.
inline constexpr std::uint32_t kMostLimit = 1'000'000'000;

/// Sets `to` to the argument, if it is given. Throws RpcError for one that is none of its kind or range.
void take_number(const RpcArguments& arguments, std::string_view key, std::uint32_t& to);
void take_flag(const RpcArguments& arguments, std::string_view key, bool& to);

}  // namespace btfs::cli
