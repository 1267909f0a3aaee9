#include "cli/text/labels.hpp"

#include <algorithm>

#include "cli/text/one_line.hpp"
#include "cli/text/trimmed.hpp"

namespace btfs::cli {

std::vector<std::string> labels_of(std::string_view text) {
    std::vector<std::string> labels;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view label = trimmed(text.substr(0, comma));
        if (!label.empty() && std::ranges::find(labels, label) == labels.end()) labels.emplace_back(label);
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    }
    return labels;
}

std::string label_text(const std::vector<std::string>& labels) {
    std::string text;
    for (const std::string& label : labels) text += (text.empty() ? "" : ",") + label;
    return text;
}

std::optional<std::string> checked_label_text(const std::vector<std::string>& labels) {
    const auto is_refused = [](const std::string& label) {
        return trimmed(label).empty() || label.size() > kLongestLabel ||
               label.find(',') != std::string::npos || printable(label) != label;
    };
    if (labels.size() > kMostLabels || std::ranges::any_of(labels, is_refused)) return std::nullopt;
    return label_text(labels_of(label_text(labels)));
}

}  // namespace btfs::cli
