#include "cli/view/terminal.hpp"

#include <curses.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <cwchar>
#include <string>
#include <string_view>

#include "cli/process/failure.hpp"

namespace btfs::cli {
namespace {

constexpr int kEscapeDelay = 25;  // milliseconds

enum Pair : short { kGreen = 1, kYellow, kRed, kTitle, kActive, kSelected, kLabel };

void make_colours() {
    start_color();
    use_default_colors();
    init_pair(kGreen, COLOR_GREEN, -1);
    init_pair(kYellow, COLOR_YELLOW, -1);
    init_pair(kRed, COLOR_RED, -1);
    init_pair(kTitle, COLOR_WHITE, COLOR_BLUE);
    init_pair(kActive, COLOR_BLACK, COLOR_GREEN);
    init_pair(kSelected, COLOR_BLACK, COLOR_CYAN);
    init_pair(kLabel, COLOR_BLACK, COLOR_CYAN);
}

attr_t attributes_of(Style style, bool colours) {
    const auto coloured = [&](short pair, attr_t plain) {
        return colours ? static_cast<attr_t>(COLOR_PAIR(pair)) : plain;
    };
    switch (style) {
        case Style::normal:
        case Style::key:
            break;
        case Style::dim:
            return A_DIM;
        case Style::strong:
            return A_BOLD;
        case Style::good:
            return coloured(kGreen, A_NORMAL);
        case Style::notice:
            return coloured(kYellow, A_NORMAL);
        case Style::bad:
            return coloured(kRed, A_NORMAL) | A_BOLD;
        case Style::title:
            return coloured(kTitle, A_REVERSE);
        case Style::active:
            return coloured(kActive, A_REVERSE | A_BOLD);
        case Style::selected:
            return coloured(kSelected, A_REVERSE);
        case Style::label:
            return coloured(kLabel, A_REVERSE);
    }
    return A_NORMAL;
}

std::optional<Key> key_of(int code) {
    switch (code) {
        case KEY_UP:
            return Key::up;
        case KEY_DOWN:
            return Key::down;
        case KEY_LEFT:
            return Key::left;
        case KEY_RIGHT:
            return Key::right;
        case KEY_PPAGE:
            return Key::page_up;
        case KEY_NPAGE:
            return Key::page_down;
        case KEY_HOME:
            return Key::home;
        case KEY_END:
            return Key::end;
        case KEY_BTAB:
            return Key::back_tab;
        case KEY_ENTER:
            return Key::enter;
        case KEY_BACKSPACE:
            return Key::backspace;
        case KEY_DC:
            return Key::remove;
        case KEY_F(1):
            return Key::f1;
        case KEY_F(3):
            return Key::f3;
        case KEY_F(4):
            return Key::f4;
        case KEY_F(6):
            return Key::f6;
        case KEY_F(9):
            return Key::f9;
        case KEY_F(10):
            return Key::f10;
        default:
            return std::nullopt;
    }
}

std::optional<KeyPress> character(wint_t wide) {
    switch (wide) {
        case L'\t':
            return KeyPress{Key::tab};
        case L'\n':
        case L'\r':
            return KeyPress{Key::enter};
        case 27:
            return KeyPress{Key::escape};
        case 8:
        case 127:
            return KeyPress{Key::backspace};
        default:
            break;
    }
    if (wide < 32) return std::nullopt;
    std::string text(MB_CUR_MAX, '\0');
    std::mbstate_t state{};
    const std::size_t size = std::wcrtomb(text.data(), static_cast<wchar_t>(wide), &state);
    if (size == static_cast<std::size_t>(-1)) return std::nullopt;
    text.resize(size);
    return KeyPress{Key::character, text};
}

}  // namespace

bool is_full_terminal() {
    const char* const kind = std::getenv("TERM");
    return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && kind != nullptr && *kind != '\0' &&
           std::string_view(kind) != "dumb";
}

Terminal::Terminal() {
    std::setlocale(LC_CTYPE, "");
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGWINCH}) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, &earlier_mask_);
    signals_ = FileDescriptor(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    set_escdelay(kEscapeDelay);
    screen_ = newterm(nullptr, stdout, stdin);
    if (screen_ == nullptr) {
        pthread_sigmask(SIG_SETMASK, &earlier_mask_, nullptr);
        throw Failure("the terminal is of a kind that is not known here; --once shows the status without it");
    }
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    const char* const no_color = std::getenv("NO_COLOR");
    has_colours_ = has_colors() && (no_color == nullptr || *no_color == '\0');
    if (has_colours_) make_colours();
}

Terminal::~Terminal() {
    endwin();
    delscreen(static_cast<SCREEN*>(screen_));
    pthread_sigmask(SIG_SETMASK, &earlier_mask_, nullptr);
}

Terminal::Size Terminal::size() {
    winsize now{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) == 0 && now.ws_col > 0 && now.ws_row > 0 &&
        (now.ws_row != LINES || now.ws_col != COLS))
        resizeterm(now.ws_row, now.ws_col);
    return {COLS, LINES};
}

void Terminal::show(const Grid& grid) {
    erase();
    for (int y = 0; y < grid.height(); ++y) {
        for (int x = 0; x < grid.width();) {
            const Style style = grid.at(x, y).style;
            const int from = x;
            std::string text;
            for (; x < grid.width() && grid.at(x, y).style == style; ++x) text += grid.at(x, y).text;
            attrset(static_cast<int>(attributes_of(style, has_colours_)));
            mvaddstr(y, from, text.c_str());
        }
    }
    attrset(A_NORMAL);
    refresh();
}

Terminal::Woken Terminal::wait(int event, Duration at_most) {
    if (has_key()) return Woken::key;
    pollfd events[] = {{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}, {event, POLLIN, 0}};
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(at_most).count();
    if (poll(events, std::size(events), static_cast<int>(std::clamp<long>(milliseconds, 0, 60'000))) <= 0)
        return Woken::timed_out;
    if (events[1].revents != 0) {
        signalfd_siginfo signal{};
        if (read(signals_.get(), &signal, sizeof signal) == sizeof signal && signal.ssi_signo != SIGWINCH)
            return Woken::told_to_end;
        return Woken::resized;
    }
    // A terminal that has gone can be read, too: there is nothing but its end.
    if ((events[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) return Woken::told_to_end;
    if (events[0].revents != 0) return Woken::key;
    return Woken::event;
}

bool Terminal::has_key() {
    if (next_) return true;
    wint_t key = 0;
    const int kind = get_wch(&key);
    if (kind == ERR) return false;
    next_ = static_cast<int>(key);
    next_is_character_ = kind != KEY_CODE_YES;
    return true;
}

std::optional<KeyPress> Terminal::take_key() {
    if (!has_key()) return std::nullopt;
    const int key = *next_;
    next_.reset();
    if (next_is_character_) return character(static_cast<wint_t>(key));
    const auto known = key_of(key);
    return known ? std::optional(KeyPress{*known}) : std::nullopt;
}

}  // namespace btfs::cli
