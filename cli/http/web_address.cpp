#include "cli/http/web_address.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string>

namespace btfs::cli {
namespace {

constexpr std::string_view kLocal = "127.0.0.1", kLocalName = "localhost";

std::optional<Endpoint> parse_whole(std::string_view text) {
    if (text.starts_with(kLocalName))
        return parse_whole(std::string(kLocal) + std::string(text.substr(kLocalName.size())));
    if (const auto endpoint = Endpoint::parse(text)) return endpoint;
    return std::nullopt;
}

}  // namespace

std::optional<Endpoint> parse_web_address(std::string_view text) {
    for (const std::string& form :
         {std::string(text), fmt::format("{}:{}", text, kWebPort), fmt::format("[{}]:{}", text, kWebPort),
          fmt::format("{}:{}", kLocal, text)})
        if (const auto endpoint = parse_whole(form)) return endpoint;
    return std::nullopt;
}

}  // namespace btfs::cli
