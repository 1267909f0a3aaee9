// Labels of a torrent: one text, in which commas part them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace btfs::cli {

/// Returns the labels in a text such as "films,new": without spaces around them, without empty ones, each
/// once.
std::vector<std::string> labels_of(std::string_view text);
/// Returns the text of these labels.
std::string label_text(const std::vector<std::string>& labels);

/// Labels are shown, and are names of folders.
inline constexpr std::size_t kMostLabels = 32;
inline constexpr std::size_t kLongestLabel = 255;  ///< bytes
/// Says how labels have to be, for messages about those that are not.
inline constexpr const char* kLabelRule =
    "a torrent has at most 32 labels, each of up to 255 bytes, without commas and control characters";
/// Returns the text of labels that somebody gives to a torrent; nothing if they break kLabelRule, or one is
/// blank.
std::optional<std::string> checked_label_text(const std::vector<std::string>& labels);

}  // namespace btfs::cli
