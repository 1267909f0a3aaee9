#include "cli/rpc/tracker_change.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <sstream>

#include "cli/rpc/rpc_message.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/trimmed.hpp"
#include "engine/metainfo/utf8.hpp"
#include "engine/tracker/public_url.hpp"
#include "engine/tracker/tracker_tiers.hpp"
#include "engine/tracker/tracker_url.hpp"

namespace btfs::cli {
namespace {

[[noreturn]] void refuse(const std::string& why) {
    throw RpcError(RpcError::invalid_params, why);
}

bool has(const TrackerList& trackers, const std::string& url) {
    return std::ranges::any_of(trackers,
                               [&](const auto& tier) { return std::ranges::find(tier, url) != tier.end(); });
}

/// Returns the URL as it is to be asked.
std::string full_url(const std::string& given, const TrackerList& known) {
    for (const auto& tier : known)
        for (const std::string& url : tier)
            if (to_valid_utf8(tracker::public_url(url)) == given) return url;
    if (!tracker::TrackerUrl::parse(given)) refuse(one_line(given) + " is no URL of a tracker");
    return given;
}

/// Returns the place of a tracker; trackers are counted over all tiers.
std::string& tracker_at(TrackerList& trackers, const boost::json::value& number) {
    std::int64_t left = number.is_int64() ? number.get_int64() : -1;
    for (auto& tier : trackers) {
        if (left >= 0 && left < static_cast<std::int64_t>(tier.size()))
            return tier[static_cast<std::size_t>(left)];
        left -= static_cast<std::int64_t>(tier.size());
        if (left < 0) break;
    }
    refuse("the torrent has no tracker of that id");
}

const boost::json::array& list(const boost::json::value& value) {
    if (!value.is_array()) refuse("a change of trackers is a list");
    return value.get_array();
}

/// Lines with URLs; an empty line parts tiers.
TrackerList parse(const std::string& text, const TrackerList& known) {
    TrackerList trackers;
    bool is_new_tier = true;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::string url(trimmed(line));
        if (url.empty()) {
            is_new_tier = true;
            continue;
        }
        if (std::exchange(is_new_tier, false)) trackers.emplace_back();
        const std::string full = full_url(url, known);
        if (!has(trackers, full)) trackers.back().push_back(full);
    }
    std::erase_if(trackers, [](const auto& tier) { return tier.empty(); });
    return trackers;
}

}  // namespace

std::optional<TrackerList> changed_trackers(const TrackerList& trackers, const RpcArguments& arguments) {
    TrackerList changed = trackers;
    bool any = false;
    if (const auto text = arguments.text("tracker_list")) {
        changed = parse(*text, trackers);
        any = true;
    }
    if (const auto* const pairs = arguments.find("tracker_replace")) {
        const auto& words = list(*pairs);
        if (words.size() % 2 != 0) refuse("tracker_replace has pairs of an id and a URL");
        for (std::size_t i = 0; i < words.size(); i += 2) {
            if (!words[i + 1].is_string()) refuse("tracker_replace has pairs of an id and a URL");
            std::string url = full_url(std::string(words[i + 1].get_string()), trackers);
            std::string& place = tracker_at(changed, words[i]);
            if (url != place && has(changed, url)) refuse("the torrent has the tracker " + one_line(url));
            place = std::move(url);
        }
        any = true;
    }
    if (const auto* const numbers = arguments.find("tracker_remove")) {
        std::vector<std::string> gone;  // first, since places change
        for (const boost::json::value& number : list(*numbers)) gone.push_back(tracker_at(changed, number));
        for (auto& tier : changed)
            std::erase_if(tier,
                          [&](const std::string& url) { return std::ranges::find(gone, url) != gone.end(); });
        std::erase_if(changed, [](const auto& tier) { return tier.empty(); });
        any = true;
    }
    if (const auto added = arguments.texts("tracker_add")) {
        for (const std::string& url : *added) {
            const std::string full = full_url(url, trackers);
            if (has(changed, full))
                refuse("the torrent has the tracker " + one_line(tracker::public_url(full)) + " already");
            changed.push_back({full});
        }
        any = true;
    }
    std::size_t count = 0;
    for (const auto& tier : changed) count += tier.size();
    if (count > tracker::TrackerTiers::kMaxTrackers) refuse("too many trackers");
    return any ? std::optional(std::move(changed)) : std::nullopt;
}

}  // namespace btfs::cli
