// Keys that the live view knows.
#pragma once

#include <cstdint>
#include <string>

namespace btfs::cli {

enum class Key : std::uint8_t {
    character,  ///< KeyPress::text has it
    up,
    down,
    left,
    right,
    page_up,
    page_down,
    home,
    end,
    tab,
    back_tab,
    enter,
    escape,
    backspace,
    remove,
    f1,
    f3,
    f4,
    f6,
    f9,
    f10,
};

struct KeyPress {
    Key key = Key::character;
    std::string text = {};  ///< UTF-8
};

}  // namespace btfs::cli
