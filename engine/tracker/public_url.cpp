#include "engine/tracker/public_url.hpp"

namespace btfs::tracker {

std::string public_url(std::string_view url) {
    const std::size_t mark = url.find("://");
    const std::size_t begin = mark == std::string_view::npos ? 0 : mark + 3;
    const std::string_view authority = url.substr(begin, url.find_first_of("/?#\\", begin) - begin);
    const std::size_t user = authority.rfind('@');
    return std::string(url.substr(0, begin)) +
           std::string(user == std::string_view::npos ? authority : authority.substr(user + 1));
}

}  // namespace btfs::tracker
