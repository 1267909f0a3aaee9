// Keys as the view knows them.
#pragma once

#include <cstdint>
#include <string>

namespace btfs::cli {

enum class Key : std::uint8_t {
    character,  ///< whose text says which
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
    f1,
    f3,
    f6,
    f10,
};

struct KeyPress {
    Key key = Key::character;
    std::string text = {};  ///< UTF-8
};

}  // namespace btfs::cli
