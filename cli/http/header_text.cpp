#include "cli/http/header_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

namespace btfs::cli {
namespace {

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
/// Forms of dates: 0 is a digit, _ a digit or a blank, A a letter of a name, all else itself. That of RFC 850
/// follows the day's name, which may be of any length.
constexpr std::string_view kDateForm = "AAA, 00 AAA 0000 00:00:00";
constexpr std::string_view kRfc850Form = ", 00-AAA-00 00:00:00";
constexpr std::string_view kAsctimeForm = "AAA AAA _0 00:00:00 0000";
constexpr std::string_view kZone = " GMT";
constexpr std::int64_t kFiftyYears_s = std::int64_t{50} * 365 * 86400 + std::int64_t{12} * 86400;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_letter(char c) {
    return lower(c) >= 'a' && lower(c) <= 'z';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view without_blanks(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

int number(std::string_view digits) {
    int value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

bool has_form(std::string_view text, std::string_view form) {
    return std::ranges::equal(text, form, [](char c, char expected) {
        return expected == '0'   ? is_digit(c)
               : expected == '_' ? is_digit(c) || c == ' '
               : expected == 'A' ? is_letter(c)
                                 : c == expected;
    });
}

/// Returns a time, in seconds since 1970; nothing if there is no such month. `clock` is "08:49:37".
std::optional<std::int64_t> time_at(std::string_view year, std::string_view month, std::string_view day,
                                    std::string_view clock) {
    const auto found = std::ranges::find(kMonths, month);
    if (found == kMonths.end()) return std::nullopt;
    std::tm utc{};
    utc.tm_year = number(year) - 1900;
    utc.tm_mon = static_cast<int>(found - kMonths.begin());
    utc.tm_mday = number(without_blanks(day));
    utc.tm_hour = number(clock.substr(0, 2));
    utc.tm_min = number(clock.substr(3, 2));
    utc.tm_sec = number(clock.substr(6, 2));
    return timegm(&utc);
}

std::optional<int> hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
    return std::nullopt;
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::vector<std::string_view> list_items(std::string_view list) {
    std::vector<std::string_view> items;
    bool quoted = false;
    std::size_t begin = 0;
    for (std::size_t at = 0; at <= list.size(); ++at) {
        if (at < list.size() && list[at] == '"') quoted = !quoted;
        if (at < list.size() && (quoted || list[at] != ',')) continue;
        const std::string_view item = without_blanks(list.substr(begin, at - begin));
        if (!item.empty()) items.push_back(item);
        begin = at + 1;
    }
    return items;
}

std::string http_date(std::int64_t time) {
    const std::time_t at = time;
    std::tm utc{};
    gmtime_r(&at, &utc);
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                       kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                       kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                       utc.tm_min, utc.tm_sec);
}

std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now) {
    if (has_form(text, kAsctimeForm))
        return time_at(text.substr(20, 4), text.substr(4, 3), text.substr(8, 2), text.substr(11, 8));
    if (!text.ends_with(kZone)) return std::nullopt;
    text.remove_suffix(kZone.size());
    if (has_form(text, kDateForm))
        return time_at(text.substr(12, 4), text.substr(8, 3), text.substr(5, 2), text.substr(17, 8));
    const std::string_view date = text.substr(std::min(text.find(','), text.size()));
    if (!has_form(date, kRfc850Form)) return std::nullopt;
    const auto in_century = [&](const char* century) {
        return time_at(century + std::string(date.substr(9, 2)), date.substr(5, 3), date.substr(2, 2),
                       date.substr(12, 8));
    };
    const auto time = in_century("20");
    return time && *time > now + kFiftyYears_s ? in_century("19") : time;
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            decoded += text[at];
            continue;
        }
        if (text.size() - at < 3) return std::nullopt;
        const auto high = hex_digit(text[at + 1]), low = hex_digit(text[at + 2]);
        if (!high || !low) return std::nullopt;
        decoded += static_cast<char>(*high * 16 + *low);
        at += 2;
    }
    return decoded;
}

std::string percent_encoded(std::string_view segment) {
    std::string encoded;
    for (const char c : segment) {
        const bool plain =
            is_letter(c) || is_digit(c) || std::string_view("-._~").find(c) != std::string_view::npos;
        if (plain) {
            encoded += c;
        } else {
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return encoded;
}

}  // namespace btfs::cli
