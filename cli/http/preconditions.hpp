// Conditions of requests (RFC 9110, section 13): If-Match and its like, against what a file is now.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace btfs::cli {

/// Marks by which one version of a file is told from another.
struct Validators {
    std::string etag;           ///< strong, with its quotes
    std::int64_t modified = 0;  ///< seconds since 1970
};

/// The headers of a request, each empty if it has none of that name.
struct RequestConditions {
    std::string_view if_match = {};
    std::string_view if_unmodified_since = {};
    std::string_view if_none_match = {};
    std::string_view if_modified_since = {};
    std::string_view if_range = {};
};

enum class Precondition : std::uint8_t {
    holds,
    not_modified,  ///< status 304
    fails,         ///< status 412
};

/// For GET and HEAD.
Precondition check(const RequestConditions& conditions, const Validators& file);

/// Returns false if the request's Range is to be ignored, since it was meant for another version of the file.
bool range_applies(const RequestConditions& conditions, const Validators& file);

}  // namespace btfs::cli
