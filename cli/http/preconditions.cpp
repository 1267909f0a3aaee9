#include "cli/http/preconditions.hpp"

#include <algorithm>
#include <ctime>
#include <optional>

#include "cli/http/header_text.hpp"

namespace btfs::cli {
namespace {

constexpr std::string_view kWeak = "W/";

std::optional<std::int64_t> date_of(std::string_view header) {
    return parse_http_date(header, std::time(nullptr));
}

bool names(std::string_view list, std::string_view etag) {
    const auto items = list_items(list);
    return std::ranges::any_of(items, [&](std::string_view item) { return item == "*" || item == etag; });
}

/// As names(), and weak ETags count, too.
bool names_weakly(std::string_view list, std::string_view etag) {
    const auto items = list_items(list);
    return std::ranges::any_of(items, [&](std::string_view item) {
        if (item.starts_with(kWeak)) item.remove_prefix(kWeak.size());
        return item == "*" || item == etag;
    });
}

/// Returns true if the header has a date, and the file was not changed after it.
bool unchanged_since(std::string_view header, const Validators& file) {
    const auto date = date_of(header);
    return date && file.modified <= *date;
}

}  // namespace

Precondition check(const RequestConditions& conditions, const Validators& file) {
    if (!conditions.if_match.empty()) {
        if (!names(conditions.if_match, file.etag)) return Precondition::fails;
    } else if (date_of(conditions.if_unmodified_since) &&
               !unchanged_since(conditions.if_unmodified_since, file)) {
        return Precondition::fails;
    }
    const bool known = conditions.if_none_match.empty() ? unchanged_since(conditions.if_modified_since, file)
                                                        : names_weakly(conditions.if_none_match, file.etag);
    return known ? Precondition::not_modified : Precondition::holds;
}

bool range_applies(const RequestConditions& conditions, const Validators& file) {
    if (conditions.if_range.empty() || conditions.if_range == file.etag) return true;
    return date_of(conditions.if_range) == file.modified;
}

}  // namespace btfs::cli
