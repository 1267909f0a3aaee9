#include "cli/mount_helper.hpp"

#include <algorithm>
#include <filesystem>

#include "cli/sources/torrent_url.hpp"
#include "engine/metainfo/magnet.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// The source of a mount without one, as fstab has it of file systems without a device.
constexpr std::string_view kNoSource = "none";

bool is_helper_name(const std::string& program) {
    const std::string name = fs::path(program).filename().string();
    return name == "mount.btfs" || name == "mount.fuse.btfs";
}

bool is_option(std::string_view word) {
    return word.size() > 1 && word.starts_with('-');
}

bool is_source(const std::string& word) {
    std::error_code ignored;
    return word == kNoSource || looks_like_magnet(word) || looks_like_url(word) || fs::exists(word, ignored);
}

/// Returns the arguments of `btfs mount`: options first, then "--", so that a source may begin with a dash.
MountHelperCall call_of(const std::string& source, const std::string& folder, Words options) {
    MountHelperCall call{std::move(options), false};
    call.words.emplace_back("--");
    if (source != kNoSource) call.words.push_back(source);
    call.words.push_back(folder);
    return call;
}

/// Parses `mount.btfs SRC DIR ...`. Passes an unknown argument to `btfs mount`, which refuses it.
MountHelperCall parse_helper_words(const Words& words) {
    Words operands, options;
    bool only_pretend = false;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (!is_option(word)) {
            operands.push_back(word);
        } else if (word == "-o" && i + 1 < words.size()) {
            options.insert(options.end(), {word, words[++i]});
        } else if (word == "-t" || word == "-N") {
            ++i;
        } else if (word.find_first_not_of("sfnv", 1) == std::string::npos) {
            only_pretend |= word.find('f') != std::string::npos;
        } else {
            options.push_back(word);
        }
    }
    if (operands.size() != 2) return {operands, only_pretend};
    MountHelperCall call = call_of(operands[0], operands[1], std::move(options));
    call.only_pretend = only_pretend;
    return call;
}

/// Splits a list at the commas that have no backslash before them.
Words split_options(std::string_view list) {
    Words options(1);
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i] == '\\' && i + 1 < list.size()) {
            options.back() += list.substr(i++, 2);
        } else if (list[i] == ',') {
            options.emplace_back();
        } else {
            options.back() += list[i];
        }
    }
    std::erase(options, "");
    return options;
}

std::string without_backslashes(std::string_view option) {
    std::string out;
    for (std::size_t i = 0; i < option.size(); ++i) {
        if (option[i] == '\\' && i + 1 < option.size()) ++i;
        out += option[i];
    }
    return out;
}

}  // namespace

std::optional<MountHelperCall> mount_helper_call(const Words& words,
                                                 const std::function<bool(std::string_view)>& is_command) {
    if (words.empty()) return std::nullopt;
    if (is_helper_name(words[0])) return parse_helper_words(words);
    if (words.size() != 3 && words.size() != 5) return std::nullopt;
    if (is_option(words[1]) || is_option(words[2]) || is_command(words[1])) return std::nullopt;
    if (words.size() == 5)
        return words[3] == "-o" ? std::optional(call_of(words[1], words[2], {words[3], words[4]}))
                                : std::nullopt;
    if (!is_source(words[1])) return std::nullopt;
    return call_of(words[1], words[2], {});
}

Words with_own_options(const Words& words, const std::function<bool(std::string_view)>& is_ours) {
    Words out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--") {
            out.insert(out.end(), words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
            break;
        }
        if (words[i] != "-o" || i + 1 == words.size()) {
            out.push_back(words[i]);
            continue;
        }
        std::string others;
        for (const std::string& option : split_options(words[++i])) {
            if (is_ours(std::string_view(option).substr(0, option.find('=')))) {
                out.push_back("--" + without_backslashes(option));
            } else {
                others += (others.empty() ? "" : ",") + option;
            }
        }
        if (!others.empty()) out.insert(out.end(), {"-o", others});
    }
    return out;
}

}  // namespace btfs::cli
