#include "cli/rpc/rpc_names.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace btfs::cli {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

/// Names whose old form follows no rule.
constexpr std::array kOldCamel{
    Pair{"is_utp", "isUTP"},
    Pair{"file_count", "file-count"},
    Pair{"primary_mime_type", "primary-mime-type"},
    Pair{"peer_limit", "peer-limit"},
    Pair{"sequential_download", "sequential_download"},
    Pair{"downloader_count", "downloader_count"},
};
constexpr std::array kOldDashed{
    Pair{"seed_ratio_limit", "seedRatioLimit"},
    Pair{"seed_ratio_limited", "seedRatioLimited"},
    Pair{"sequential_download", "sequential_download"},
    Pair{"preferred_transports", "preferred_transports"},
    Pair{"total_size", "total_size"},
    Pair{"ip_protocol", "ip_protocol"},
    Pair{"cache_size_mib", "cache-size-mb"},
    Pair{"honors_session_limits", "honorsSessionLimits"},
};

bool is_upper(char c) {
    return 'A' <= c && c <= 'Z';
}
char lower(char c) {
    return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}
char upper(char c) {
    return 'a' <= c && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

std::string snake_case(std::string_view name) {
    std::string snake;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        if (is_upper(c) && i > 0 && !is_upper(name[i - 1]) && snake.back() != '_') snake += '_';
        snake += c == '-' ? '_' : lower(c);
    }
    return snake == "cache_size_mb" ? "cache_size_mib" : snake;
}

std::string camel_name(RpcForm form, std::string_view name) {
    if (form == RpcForm::json_rpc) return std::string(name);
    if (const auto found = std::ranges::find(kOldCamel, name, &Pair::first); found != kOldCamel.end())
        return std::string(found->second);
    std::string camel;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '_') continue;
        camel += i > 0 && name[i - 1] == '_' ? upper(name[i]) : name[i];
    }
    return camel;
}

std::string dashed_name(RpcForm form, std::string_view name) {
    if (form == RpcForm::json_rpc) return std::string(name);
    if (const auto found = std::ranges::find(kOldDashed, name, &Pair::first); found != kOldDashed.end())
        return std::string(found->second);
    std::string dashed(name);
    std::ranges::replace(dashed, '_', '-');
    return dashed;
}

}  // namespace btfs::cli
