#include "cli/view/view_action.hpp"

namespace btfs::cli {

boost::json::object request_of(const ViewAction& action) {
    using Kind = ViewAction::Kind;
    const bool pins = action.kind == Kind::pin;
    if (!action.file.empty()) return {{"command", pins ? "pin" : "unpin"}, {"path", action.file}};
    boost::json::object request{{"torrent", action.torrent}};
    switch (action.kind) {
        case Kind::remove:
        case Kind::remove_with_data:
            request["command"] = "remove";
            request["delete_data"] = action.kind == Kind::remove_with_data;
            break;
        case Kind::pause:
            request["command"] = "pause";
            break;
        case Kind::resume:
            request["command"] = "resume";
            break;
        case Kind::pin:
        case Kind::unpin:
            request["command"] = "set";
            request["pin"] = pins;
            break;
    }
    return request;
}

std::string text_before(const ViewAction& action) {
    switch (action.kind) {
        case ViewAction::Kind::remove:
        case ViewAction::Kind::remove_with_data:
            return "removing " + action.name;
        case ViewAction::Kind::pause:
            return "pausing " + action.name;
        case ViewAction::Kind::resume:
            return "resuming " + action.name;
        case ViewAction::Kind::pin:
            return "pinning " + action.name;
        case ViewAction::Kind::unpin:
            break;
    }
    return "unpinning " + action.name;
}

std::string text_after(const ViewAction& action) {
    switch (action.kind) {
        case ViewAction::Kind::remove:
            return "removed " + action.name;
        case ViewAction::Kind::remove_with_data:
            return "removed " + action.name + " and its data";
        case ViewAction::Kind::pause:
            return "paused " + action.name;
        case ViewAction::Kind::resume:
            return "resumed " + action.name;
        case ViewAction::Kind::pin:
            return "pinned " + action.name;
        case ViewAction::Kind::unpin:
            break;
    }
    return "unpinned " + action.name;
}

}  // namespace btfs::cli
