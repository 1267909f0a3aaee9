#include "fs/mount_options.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace btfs {
namespace {

using namespace std::string_view_literals;

/// Options of fstab that are for mount(8) and systemd, and options of the kernel that change nothing on a
/// mount without devices, set-user-id files and access times.
constexpr std::array kDropped = {
    "_netdev"sv,     "_rnetdev"sv,      "nofail"sv,   "defaults"sv,   "auto"sv,     "noauto"sv,
    "user"sv,        "nouser"sv,        "users"sv,    "owner"sv,      "group"sv,    "dev"sv,
    "nodev"sv,       "suid"sv,          "nosuid"sv,   "sync"sv,       "async"sv,    "dirsync"sv,
    "atime"sv,       "noatime"sv,       "diratime"sv, "nodiratime"sv, "relatime"sv, "norelatime"sv,
    "strictatime"sv, "nostrictatime"sv, "lazytime"sv, "nolazytime"sv, "silent"sv,   "loud"sv,
    "mand"sv,        "nomand"sv,        "iversion"sv, "noiversion"sv,
};
/// "subtype=" would change the type by which `btfs umount` knows its mounts.
constexpr std::array kDroppedBeginnings = {"x-"sv,      "X-"sv,       "comment="sv, "user="sv,
                                           "helper="sv, "uhelper="sv, "subtype="sv};

bool is_dropped(std::string_view option) {
    return option.empty() || std::ranges::find(kDropped, option) != kDropped.end() ||
           std::ranges::any_of(kDroppedBeginnings, [&](auto begin) { return option.starts_with(begin); });
}

/// Splits at commas without a backslash before them. The parts keep their backslashes, as libfuse wants them.
std::vector<std::string> parts_of(std::string_view list) {
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i] == ',') {
            parts.emplace_back();
            continue;
        }
        parts.back() += list[i];
        if (list[i] == '\\' && i + 1 < list.size()) parts.back() += list[++i];
    }
    return parts;
}

std::optional<unsigned> number_of(std::string_view text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    // The highest number means "unchanged" to the kernel.
    if (error != std::errc{} || end != text.data() + text.size() || number == ~0U) return std::nullopt;
    return number;
}

std::optional<uid_t> user_of(const std::string& text) {
    if (const auto number = number_of(text)) return *number;
    const passwd* const user = getpwnam(text.c_str());
    return user == nullptr ? std::nullopt : std::optional(user->pw_uid);
}

std::optional<gid_t> group_of(const std::string& text) {
    if (const auto number = number_of(text)) return *number;
    const group* const found = getgrnam(text.c_str());
    return found == nullptr ? std::nullopt : std::optional(found->gr_gid);
}

std::optional<std::string> apply(const std::string& option, ParsedMountOptions& parsed) {
    if (is_dropped(option)) return std::nullopt;
    if (option == "ro" || option == "rw") {
        parsed.read_only = option == "ro";
    } else if (option.starts_with("uid=")) {
        parsed.uid = user_of(option.substr(4));
        if (!parsed.uid) return "mount option " + option + ": no such user; give a number or a user's name";
    } else if (option.starts_with("gid=")) {
        parsed.gid = group_of(option.substr(4));
        if (!parsed.gid) return "mount option " + option + ": no such group; give a number or a group's name";
    } else if (option == "inode32") {
        parsed.inode_width = InodeWidth::bits32;
    } else if (option == "no_passthrough") {
        parsed.passthrough = false;
    } else if (option == "remount") {
        return "a btfs mount cannot be remounted; unmount it and mount it anew";
    } else {
        parsed.for_libfuse.push_back(option);
    }
    return std::nullopt;
}

}  // namespace

boost::system::result<ParsedMountOptions, std::string> parse_mount_options(
    const std::vector<std::string>& options) {
    ParsedMountOptions parsed;
    for (const std::string& list : options) {
        for (const std::string& option : parts_of(list)) {
            if (auto problem = apply(option, parsed)) return *problem;
        }
    }
    return parsed;
}

}  // namespace btfs
