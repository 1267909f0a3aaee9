#include "cli/first_bytes.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>
#include <utility>

#include "cli/control/answer.hpp"
#include "cli/control/control_socket.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/one_line.hpp"

namespace btfs::cli {
namespace {

constexpr std::chrono::milliseconds kStatusPatience{1000};

}  // namespace

FirstBytes::FirstBytes(std::optional<std::filesystem::path> socket, std::string path)
    : socket_(std::move(socket)), path_(std::move(path)) {
    if (!line_.on_terminal()) socket_.reset();
}

std::optional<Duration> FirstBytes::look() {
    if (!socket_) return std::nullopt;
    try {
        if (const auto shown = text()) {
            line_.show(*shown);
            return kLookAgain;
        }
    } catch (const std::exception&) {
        // The mount is busy, or has ended; the player shows that soon.
    }
    line_.wipe();
    line_.abandon();  // the terminal is the player's
    socket_.reset();
    return std::nullopt;
}

std::optional<std::string> FirstBytes::text() const {
    const boost::json::object status = ask(*socket_, {{"command", "status"}}, kStatusPatience);
    for (const boost::json::value& each : status.at("readers").as_array()) {
        const boost::json::object& reader = each.as_object();
        if (text_in(reader, "path") != path_) continue;
        if (number_in(reader, "waiting") == 0) {
            if (!reader.at("position").is_null()) return std::nullopt;
            return "waiting for the player to read " + one_line(path_);
        }
        const std::string why = text_in(reader, "why");
        return fmt::format("waiting for the first bytes of {}: {}; {} peers", one_line(path_),
                           why.empty() ? "asking for them" : one_line(why), number_in(status, "peers"));
    }
    return "waiting for a player to open " + one_line(path_);
}

}  // namespace btfs::cli
