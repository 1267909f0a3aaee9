// Texts in headers of HTTP: lists, dates, words in any case, percent-encoding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace btfs::cli {

/// Compares ASCII letters in any case.
bool equals_ignoring_case(std::string_view a, std::string_view b);

/// Returns the items of a list with commas, without blanks around them; empty ones are left out. A comma
/// between double quotes parts nothing.
std::vector<std::string_view> list_items(std::string_view list);

/// Returns a time, in seconds since 1970, as headers have it: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::int64_t time);
/// Parses such a date, also in the two older forms (RFC 9110, 5.6.7), "Sunday, 06-Nov-94 08:49:37 GMT" and
/// "Sun Nov  6 08:49:37 1994"; nothing for what is no date. `now`: a year of two digits that would be over 50
/// years after it is of the century before.
std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now);

/// Decodes "%41"; nothing if a '%' escapes nothing.
std::optional<std::string> percent_decoded(std::string_view text);
/// Encodes one segment of a path: all but letters, digits and "-._~".
std::string percent_encoded(std::string_view segment);

}  // namespace btfs::cli
