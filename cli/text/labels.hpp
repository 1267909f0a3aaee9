// Labels of a torrent: one text, in which commas part them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace btfs::cli {

/// Returns the labels in a text such as "films,new": without spaces around them, without empty ones, each
/// once.
std::vector<std::string> labels_of(std::string_view text);
/// Returns the text of these labels.
std::string label_text(const std::vector<std::string>& labels);

}  // namespace btfs::cli
