// Name of an episode, and of the one that follows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace btfs {

/// The name of a file, compared with names of other files. Another name follows it if both are equal but for
/// one number, which is greater by one: that of the episode in names as "Show S01E04 1080p-GROUP.mkv" and
/// "Show 1x04.mkv", and of others a number that stands alone or behind a word as "Part". Case is ignored, and
/// '.', '_' and ' ' are the same. Numbers of seasons, years, resolutions, codecs and versions are none of
/// them. A value.
class EpisodeName {
  public:
    /// How well a name follows; the greater, the better.
    enum class Match : std::uint8_t {
        none,
        of_other_group,  ///< the groups behind the last "-" differ
        same_group,
    };

    explicit EpisodeName(std::string_view name);

    Match match(std::string_view next) const;

  private:
    bool may_count(std::size_t begin, std::size_t end) const;

    std::string stem_;    ///< without suffix and group; normal()
    std::string suffix_;  ///< of the file, in lower case
    std::string group_;
    /// Where the number of the episode begins in names that tell it from that of the season.
    std::optional<std::size_t> episode_;
};

}  // namespace btfs
