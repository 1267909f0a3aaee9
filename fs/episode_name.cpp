#include "fs/episode_name.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/core/ascii.hpp"

namespace btfs {
namespace {

/// Digits of a number that is compared.
constexpr std::size_t kMostDigits = 9;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

char normal(char c) {
    return c == '.' || c == '_' ? ' ' : ascii_lower(c);
}

/// Returns the end of the run of digits that begins there.
std::size_t end_of_number(std::string_view text, std::size_t begin) {
    std::size_t end = begin;
    while (end < text.size() && is_digit(text[end])) ++end;
    return end;
}

/// Nothing if it is too long.
std::optional<std::uint32_t> number(std::string_view digits) {
    if (digits.empty() || digits.size() > kMostDigits) return std::nullopt;
    std::uint32_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

/// Returns where the number of the episode begins in "s01e04", "s01 e04" and "1x04".
std::optional<std::size_t> find_episode(std::string_view stem) {
    for (std::size_t at = 0; at < stem.size(); ++at) {
        if (at > 0 && is_word(stem[at - 1])) continue;
        const bool says_season = stem[at] == 's';
        const std::size_t season = at + (says_season ? 1 : 0);
        std::size_t end = end_of_number(stem, season);
        if (end == season || end - season > (says_season ? 4 : 2) || end == stem.size()) continue;
        if (says_season && (stem[end] == ' ' || stem[end] == '-')) ++end;
        if (end == stem.size() || stem[end] != (says_season ? 'e' : 'x')) continue;
        const std::size_t episode = end + 1, after = end_of_number(stem, episode);
        if (after == episode || after - episode > 4) continue;
        if (!says_season && after < stem.size() && is_word(stem[after])) continue;
        return episode;
    }
    return std::nullopt;
}

/// Splits "name-group" behind the episode's number; "s01e04-e05" is no group.
std::string_view take_group(std::string_view& stem, std::size_t episode) {
    const std::size_t dash = stem.rfind('-');
    if (dash == std::string_view::npos || dash <= end_of_number(stem, episode)) return {};
    const std::string_view group = stem.substr(dash + 1);
    if (group.empty() || !std::ranges::all_of(group, is_word)) return {};
    stem = stem.substr(0, dash);
    return group;
}

}  // namespace

EpisodeName::EpisodeName(std::string_view name) {
    if (const std::size_t dot = name.rfind('.'); dot != std::string_view::npos) {
        suffix_ = ascii_lower(name.substr(dot + 1));
        name = name.substr(0, dot);
    }
    stem_ = name;
    std::ranges::transform(stem_, stem_.begin(), normal);
    episode_ = find_episode(stem_);
    if (!episode_) return;
    std::string_view rest = stem_;
    group_ = take_group(rest, *episode_);
    stem_.resize(rest.size());
}

/// Returns true if the number there may be that of an episode or a part. Only asked of names that do not
/// tell.
bool EpisodeName::may_count(std::size_t begin, std::size_t end) const {
    constexpr std::array<std::string_view, 8> kWords{"e",  "ep", "episode", "part",
                                                     "pt", "cd", "disc",    "disk"};
    if (end < stem_.size() && is_word(stem_[end])) return false;  // 1080p, 2nd
    std::size_t word = begin;
    while (word > 0 && is_word(stem_[word - 1])) --word;
    const std::string_view before = std::string_view(stem_).substr(word, begin - word);
    if (!before.empty() && std::ranges::find(kWords, before) == kWords.end()) return false;  // x264, v2, s01
    const auto value = number(std::string_view(stem_).substr(begin, end - begin));
    if (value && end - begin == 4 && *value >= 1900 && *value < 2100) return false;  // a year
    // "5.1": channels.
    const auto is_single = [&](std::size_t at) {
        return at < stem_.size() && is_digit(stem_[at]) && (at == 0 || !is_digit(stem_[at - 1])) &&
               (at + 1 == stem_.size() || !is_digit(stem_[at + 1]));
    };
    const bool alone = end - begin == 1;
    return !(alone && ((begin >= 2 && is_single(begin - 2)) || is_single(end + 1)));
}

EpisodeName::Match EpisodeName::match(std::string_view name) const {
    // Most names are of other series: they differ before the first number.
    for (std::size_t at = 0; at < stem_.size() && !is_digit(stem_[at]); ++at)
        if (at == name.size() || normal(name[at]) != stem_[at]) return Match::none;
    const EpisodeName next(name);
    if (next.suffix_ != suffix_ || next.episode_.has_value() != episode_.has_value()) return Match::none;
    const std::string_view one = stem_, other = next.stem_;
    bool differs = false;
    std::size_t i = 0, j = 0;
    while (i < one.size() && j < other.size()) {
        if (!is_digit(one[i]) || !is_digit(other[j])) {
            if (one[i++] != other[j++]) return Match::none;
            continue;
        }
        const std::size_t i_end = end_of_number(one, i), j_end = end_of_number(other, j);
        const auto a = number(one.substr(i, i_end - i)), b = number(other.substr(j, j_end - j));
        if (!a || !b) {
            if (one.substr(i, i_end - i) != other.substr(j, j_end - j)) return Match::none;
        } else if (*a != *b) {
            if (differs || *b != *a + 1) return Match::none;
            if (episode_ ? i != *episode_ || j != *next.episode_ : !may_count(i, i_end)) return Match::none;
            differs = true;
        }
        i = i_end;
        j = j_end;
    }
    if (!differs || i < one.size() || j < other.size()) return Match::none;
    return next.group_ == group_ ? Match::same_group : Match::of_other_group;
}

}  // namespace btfs
