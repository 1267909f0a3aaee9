#include "cli/view/live_view.hpp"

#include <optional>
#include <utility>

#include "cli/control/control_socket.hpp"
#include "cli/process/failure.hpp"
#include "cli/view/drawing.hpp"
#include "cli/view/mount_watch.hpp"
#include "cli/view/panes.hpp"
#include "cli/view/terminal.hpp"
#include "cli/view/view_state.hpp"

namespace btfs::cli {
namespace {

constexpr Duration kLookAtSize = 1s;  // also without a signal
constexpr Duration kSlow = 3s;
constexpr Duration kOutcomeShown = 3s;

/// Returns true if it tells the user how a change ended.
bool take_update(ViewState& view, MountWatch::Update update) {
    for (const auto& [action, error] : update.outcomes) {
        if (error.empty()) {
            view.set_notice(text_after(action), ViewState::NoticeKind::progress);
        } else {
            view.set_notice(text_before(action) + ": " + error);
        }
    }
    if (update.mount) view.take(std::move(*update.mount));
    if (update.details) view.take(std::move(*update.details));
    return !update.outcomes.empty();
}

}  // namespace

void run_live_view(const std::filesystem::path& socket, Duration interval) {
    // A mount that does not answer is told of before the screen is taken.
    MountState first = mount_state(ask(socket, {{"command", "status"}}));
    Terminal terminal;
    MountWatch watch(socket, interval);
    ViewState view;
    view.take(std::move(first));
    TimePoint heard = Clock::now();
    std::optional<TimePoint> outcome_until;  // the last line tells of a change until then
    bool is_slow = false;
    while (true) {
        const auto [width, height] = terminal.size();
        const Panes panes = plan_panes(width, height, view.mount().readers.size(), view.order().size());
        view.fit(panes);
        if (outcome_until && Clock::now() >= *outcome_until &&
            view.notice_kind() == ViewState::NoticeKind::progress) {
            view.set_notice("");
            outcome_until.reset();
        }
        watch.want_details(view.wanted_details());
        terminal.show(draw_view(view, panes));
        switch (terminal.wait(watch.event(), kLookAtSize)) {
            case Terminal::Woken::told_to_end:
                return;
            case Terminal::Woken::key:
                outcome_until.reset();
                while (terminal.has_key() && !view.has_ended()) {
                    if (const auto press = terminal.take_key()) view.press(*press, panes);
                    if (auto action = view.take_action(); action && !watch.carry_out(std::move(*action)))
                        view.set_notice("the mount does not answer");
                }
                if (view.has_ended()) return;
                break;
            case Terminal::Woken::event: {
                MountWatch::Update update = watch.take();
                if (!update.failure.empty()) throw Failure("the mount has ended: " + update.failure);
                heard = Clock::now();
                if (std::exchange(is_slow, false)) view.set_notice("");
                if (take_update(view, std::move(update))) outcome_until = heard + kOutcomeShown;
                break;
            }
            case Terminal::Woken::resized:
            case Terminal::Woken::timed_out:
                if (Clock::now() - heard <= kSlow + interval) break;
                view.set_notice("the mount does not answer");
                is_slow = true;
                break;
        }
    }
}

}  // namespace btfs::cli
