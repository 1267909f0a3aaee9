#include "cli/rpc/tracker_change.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "cli/rpc/rpc_message.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/trimmed.hpp"
#include "engine/metainfo/utf8.hpp"
#include "engine/tracker/public_url.hpp"
#include "engine/tracker/tracker_tiers.hpp"
#include "engine/tracker/tracker_url.hpp"

namespace btfs::cli {
namespace {

constexpr std::size_t kMost = tracker::TrackerTiers::kMaxTrackers;
constexpr const char* kPairs = "tracker_replace has pairs of an id and a URL";

[[noreturn]] void refuse(const std::string& why) {
    throw RpcError(RpcError::invalid_params, why);
}

void check_count(std::size_t count) {
    if (count > kMost) refuse("too many trackers");
}

std::size_t count_of(const TrackerList& trackers) {
    std::size_t count = 0;
    for (const auto& tier : trackers) count += tier.size();
    return count;
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
std::string& tracker_at(TrackerList& trackers, std::int64_t number) {
    std::int64_t left = number;
    for (auto& tier : trackers) {
        if (left >= 0 && left < static_cast<std::int64_t>(tier.size()))
            return tier[static_cast<std::size_t>(left)];
        left -= static_cast<std::int64_t>(tier.size());
        if (left < 0) break;
    }
    refuse("the torrent has no tracker of that id");
}

const boost::json::array& list(const boost::json::value& value, std::size_t most) {
    if (!value.is_array()) refuse("a change of trackers is a list");
    if (value.get_array().size() > most) refuse("too many trackers");
    return value.get_array();
}

/// Returns an id; one that no tracker has for what is no whole number.
std::int64_t id(const boost::json::value& number) {
    return number.is_int64() ? number.get_int64() : -1;
}

/// Parses lines with URLs; an empty line parts tiers.
TrackerList parse(std::string_view text) {
    TrackerList tiers;
    std::size_t count = 0;
    bool is_new_tier = true;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string url(trimmed(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (url.empty()) {
            is_new_tier = true;
            continue;
        }
        check_count(++count);
        if (std::exchange(is_new_tier, false)) tiers.emplace_back();
        tiers.back().push_back(url);
    }
    return tiers;
}

/// Returns a list that was given, with each URL as it is to be asked, once.
TrackerList completed(const TrackerList& given, const TrackerList& known) {
    TrackerList trackers;
    for (const auto& tier : given) {
        trackers.emplace_back();
        for (const std::string& url : tier) {
            std::string full = full_url(url, known);
            if (!has(trackers, full)) trackers.back().push_back(std::move(full));
        }
    }
    std::erase_if(trackers, [](const auto& tier) { return tier.empty(); });
    return trackers;
}

}  // namespace

TrackerChange::TrackerChange(const RpcArguments& arguments) {
    if (const auto text = arguments.text("tracker_list")) list_ = parse(*text);
    if (const auto* const pairs = arguments.find("tracker_replace")) {
        const auto& words = list(*pairs, 2 * kMost);
        if (words.size() % 2 != 0) refuse(kPairs);
        replaced_.emplace();
        for (std::size_t i = 0; i < words.size(); i += 2) {
            if (!words[i + 1].is_string()) refuse(kPairs);
            replaced_->emplace_back(id(words[i]), std::string(words[i + 1].get_string()));
        }
    }
    if (const auto* const numbers = arguments.find("tracker_remove")) {
        removed_.emplace();
        for (const boost::json::value& number : list(*numbers, kMost)) removed_->push_back(id(number));
    }
    added_ = arguments.texts("tracker_add");
    if (added_) check_count(added_->size());
}

bool TrackerChange::is_empty() const {
    return !list_ && !replaced_ && !removed_ && !added_;
}

TrackerList TrackerChange::applied_to(const TrackerList& trackers) const {
    TrackerList changed = list_ ? completed(*list_, trackers) : trackers;
    for (const auto& [number, given] :
         replaced_.value_or(std::vector<std::pair<std::int64_t, std::string>>{})) {
        std::string url = full_url(given, trackers);
        std::string& place = tracker_at(changed, number);
        if (url != place && has(changed, url)) refuse("the torrent has the tracker " + one_line(url));
        place = std::move(url);
    }
    if (removed_) {
        std::vector<std::string> gone;  // first, since places change
        for (const std::int64_t number : *removed_) gone.push_back(tracker_at(changed, number));
        for (auto& tier : changed)
            std::erase_if(tier,
                          [&](const std::string& url) { return std::ranges::find(gone, url) != gone.end(); });
        std::erase_if(changed, [](const auto& tier) { return tier.empty(); });
    }
    for (const std::string& url : added_.value_or(std::vector<std::string>{})) {
        const std::string full = full_url(url, trackers);
        if (has(changed, full))
            refuse("the torrent has the tracker " + one_line(tracker::public_url(full)) + " already");
        changed.push_back({full});
    }
    check_count(count_of(changed));
    return changed;
}

}  // namespace btfs::cli
