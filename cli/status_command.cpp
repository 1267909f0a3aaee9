// `btfs status`: what a running mount does.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/control/answer.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/control/mount_lookup.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/service/status_text.hpp"
#include "cli/text/human_size.hpp"
#include "cli/text/one_line.hpp"
#include "cli/text/table.hpp"
#include "cli/view/live_view.hpp"
#include "cli/view/short_text.hpp"
#include "cli/view/terminal.hpp"

namespace btfs::cli {
namespace {

using Json = boost::json::object;

constexpr std::string_view kIndent = "  ";

std::string rate(std::uint64_t bytes_per_second) {
    return human_size(bytes_per_second) + "/s";
}

std::string line_of(const Json& object, std::string_view key) {
    return one_line(text_in(object, key));
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return "-";
    return fmt::format("{}%",
                       static_cast<int>(100.0 * static_cast<double>(part) / static_cast<double>(whole)));
}

double real_in(const Json& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

boost::json::array list_in(const Json& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_array() ? value->get_array() : boost::json::array();
}

std::string summary(const Json& mount) {
    const std::size_t torrents = list_in(mount, "torrents").size();
    std::string text =
        fmt::format("btfs {}, {} torrent{}, {} peers, {} down, {} up\n", line_of(mount, "version"), torrents,
                    torrents == 1 ? "" : "s", number_in(mount, "peers"), rate(number_in(mount, "down")),
                    rate(number_in(mount, "up")));
    if (const std::string proxy = line_of(mount, "proxy"); !proxy.empty()) text += "proxy: " + proxy + '\n';
    if (const auto* const cache = mount.if_contains("cache"); cache != nullptr && cache->is_object())
        text += fmt::format("cache: {} of {}\n", human_size(number_in(cache->get_object(), "used")),
                            human_size(number_in(cache->get_object(), "limit")));
    if (const std::uint64_t scans = number_in(mount, "scans"); scans > 0)
        text += "scans: " + scans_text(scans) + '\n';
    return text;
}

std::string wait_of(const Json& reader) {
    const std::string why = line_of(reader, "why");
    return fmt::format("{:.1f} s", real_in(reader, "waited")) + (why.empty() ? "" : ", " + why);
}

/// Returns "mpv (123)", or of a reader over HTTP "VLC (192.0.2.7)".
std::string reader_name(const Json& reader) {
    const std::string process = line_of(reader, "process"), client = line_of(reader, "client");
    if (!client.empty()) return process.empty() ? client : fmt::format("{} ({})", process, client);
    const std::uint64_t pid = number_in(reader, "pid");
    return pid == 0 ? "-" : fmt::format("{} ({})", process.empty() ? "?" : process, pid);
}

Row reader_row(const Json& reader) {
    const std::uint64_t bytes_per_second = number_in(reader, "rate");
    return {percent(number_in(reader, "position"), number_in(reader, "size")) + " of " +
                human_size(number_in(reader, "size")),
            bytes_per_second == 0 ? "-" : rate(bytes_per_second),
            number_in(reader, "waiting") > 0 ? wait_of(reader)
            : flag_in(reader, "scan")        ? "scan"
                                             : "-",
            reader_name(reader), line_of(reader, "path")};
}

Row torrent_row(const Json& torrent) {
    const std::uint64_t size = number_in(torrent, "size");
    return {size == 0 ? "-" : human_size(size),
            percent(number_in(torrent, "had"), size),
            fmt::format("{}", number_in(torrent, "peers")),
            rate(number_in(torrent, "down")),
            rate(number_in(torrent, "up")),
            line_of(torrent, "state"),
            line_of(torrent, "name")};
}

std::vector<std::string> flags_of(const Json& peer) {
    std::vector<std::string> flags;
    for (const auto& flag : list_in(peer, "flags"))
        if (flag.is_string()) flags.emplace_back(flag.get_string());
    return flags;
}

Row peer_row(const Json& peer) {
    return {line_of(peer, "endpoint"),
            flag_letters(flags_of(peer)),
            human_size(number_in(peer, "received")),
            human_size(number_in(peer, "sent")),
            human_size(number_in(peer, "asked")),
            fmt::format("{:.0f} ms", 1000 * real_in(peer, "round_trip")),
            line_of(peer, "client")};
}

std::string tracker_line(const Json& tracker) {
    const std::string message = line_of(tracker, "message");
    return line_of(tracker, "url") + ": " +
           (!message.empty()              ? message
            : flag_in(tracker, "working") ? "working"
                                          : "not asked yet");
}

/// Trackers and peers of one torrent; empty if it has neither.
std::string details(const Json& torrent) {
    std::string text;
    for (const auto& tracker : list_in(torrent, "trackers"))
        text += std::string(kIndent) + tracker_line(tracker.as_object()) + '\n';
    std::vector<Row> rows{{"PEER", "FLAGS", "RECEIVED", "SENT", "ASKED", "RTT", "CLIENT"}};
    for (const auto& peer : list_in(torrent, "connections")) rows.push_back(peer_row(peer.as_object()));
    if (rows.size() > 1) text += table(rows, kIndent);
    if (const std::string error = line_of(torrent, "error"); !error.empty())
        text += std::string(kIndent) + error + '\n';
    return text.empty() ? text : '\n' + line_of(torrent, "name") + '\n' + text;
}

std::string text_of(const Json& mount) {
    std::string text = summary(mount);
    std::vector<Row> readers{{"AT", "RATE", "WAITS", "PROCESS", "FILE"}};
    for (const auto& reader : list_in(mount, "readers")) readers.push_back(reader_row(reader.as_object()));
    if (readers.size() > 1) text += '\n' + table(readers);
    std::vector<Row> torrents{{"SIZE", "HAD", "PEERS", "DOWN", "UP", "STATE", "NAME"}};
    for (const auto& torrent : list_in(mount, "torrents"))
        torrents.push_back(torrent_row(torrent.as_object()));
    if (torrents.size() > 1) text += '\n' + table(torrents);
    for (const auto& torrent : list_in(mount, "torrents")) text += details(torrent.as_object());
    return text;
}

}  // namespace

int status(const StatusOptions& options) {
    const std::filesystem::path socket = socket_of(options.mountpoint);
    if (!options.json && !options.once && is_full_terminal()) {
        run_live_view(
            socket, std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.interval_s)));
        return kSuccess;
    }
    const Json answer = ask(socket, {{"command", "status"}});
    std::cout << (options.json ? boost::json::serialize(answer) + '\n' : text_of(answer));
    return kSuccess;
}

}  // namespace btfs::cli
