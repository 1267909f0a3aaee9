#include "cli/service/mount_control.hpp"

#include <boost/json.hpp>
#include <string>

#include "cli/process/failure.hpp"

namespace btfs::cli {
namespace {

/// Throws Failure if the request has no such text.
std::string text(const boost::json::object& request, std::string_view key) {
    const auto* const value = request.if_contains(key);
    if (value == nullptr || !value->is_string()) throw Failure("no " + std::string(key) + " in the request");
    return std::string(value->get_string());
}

}  // namespace

boost::json::object MountControl::handle(const boost::json::object& request) {
    const std::string command = text(request, "command");
    if (command != "pin" && command != "unpin") throw Failure("the mount knows no command " + command);
    const PinReport report =
        torrents_.pin(text(request, "path"), command == "pin" ? Pinning::pin : Pinning::unpin);
    boost::json::object answer{
        {"files", report.files}, {"bytes", report.bytes}, {"pinned", report.pinned}, {"room", nullptr}};
    if (report.room) answer["room"] = *report.room;
    return answer;
}

}  // namespace btfs::cli
