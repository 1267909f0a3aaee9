#include "fs/series.hpp"

#include <algorithm>
#include <string_view>

#include "engine/core/ascii.hpp"
#include "engine/core/natural_order.hpp"

namespace btfs {
namespace {

constexpr std::uint64_t kSmallestPart = 5;

/// Empty: there is none.
std::string_view suffix_of(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

}  // namespace

std::optional<NodeIndex> next_in_series(const InodeTree& tree, NodeIndex file) {
    const auto nodes = tree.nodes();
    const Node& current = nodes[file];
    if (file == 0 || current.kind != NodeKind::file) return std::nullopt;  // alone in its torrent
    const std::string_view suffix = suffix_of(current.name);
    const Node* next = nullptr;
    for (const Node& node : tree.children(nodes[current.parent])) {
        if (node.kind != NodeKind::file || node.size == 0 || node.size < current.size / kSmallestPart)
            continue;
        if (!equal_without_case(suffix_of(node.name), suffix)) continue;
        if (natural_order(node.name, current.name) <= 0) continue;
        if (next == nullptr || natural_order(node.name, next->name) < 0) next = &node;
    }
    if (next == nullptr || !differ_by_number(current.name, next->name)) return std::nullopt;
    return tree.index_of(*next);
}

}  // namespace btfs
