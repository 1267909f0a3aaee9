#include "cli/http/product_name.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace btfs::cli {
namespace {

/// Products in the headers of browsers, and their names. Each but Firefox also names those after it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kBrowsers{{{"Firefox/", "Firefox"},
                                                                                  {"Edg/", "Edge"},
                                                                                  {"OPR/", "Opera"},
                                                                                  {"Chrome/", "Chrome"},
                                                                                  {"Safari/", "Safari"}}};

/// True of characters of a token (RFC 9110, 5.6.2).
bool is_of_token(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

std::string product_name(std::string_view user_agent) {
    const auto end = std::ranges::find_if_not(user_agent, is_of_token);
    const std::string_view product(user_agent.begin(), end);
    if (product == "Mozilla")
        for (const auto& [mark, name] : kBrowsers)
            if (user_agent.find(mark) != std::string_view::npos) return std::string(name);
    return std::string(product.substr(0, kLongestProductName));
}

}  // namespace btfs::cli
