// URLs of torrents, servers and users: an accepted URL can be put into a request and a log without change.
#include <algorithm>
#include <string>

#include "engine/http/http_url.hpp"
#include "engine/http/local_access.hpp"
#include "engine/tracker/public_url.hpp"
#include "engine/tracker/tracker_url.hpp"
#include "tests/fuzz/fuzz_input.hpp"

namespace {

using namespace btfs;
using fuzz::require;
using http::HttpUrl;

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

bool is_visible_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

void check(const HttpUrl& url) {
    require(is_visible_ascii(url.target) && url.target.starts_with('/') &&
            url.target.find('#') == std::string::npos);
    require(is_visible_ascii(url.host_field) && is_visible_ascii(url.host) && url.port != 0);
    require(url.authorization().find_first_of("\r\n") == std::string::npos);
    const auto again = HttpUrl::parse(url.text);
    require(again.has_value() && again->text == url.text && again->target == url.target);
    require(again->host == url.host && again->port == url.port && again->credentials.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string once = http::escaped_url(text);
    require(http::escaped_url(once) == once && once.size() <= 3 * size);
    if (const auto url = HttpUrl::parse(text)) check(*url);
    static const HttpUrl base = *HttpUrl::parse("http://user:secret@h.example/dir/file?q");
    if (const auto url = base.resolved(text)) {
        check(*url);
        require(url->credentials != base.credentials || url->same_origin(base) || has(text, "user"));
    }
    if (const auto tracker = tracker::TrackerUrl::parse(text)) {
        require(is_visible_ascii(tracker->target));
        // Only a tracker's path may reach this machine.
        if (http::local_access_of(tracker->target) == http::LocalAccess::everything)
            require(tracker->target.starts_with("/") &&
                    !has(tracker->target.substr(0, tracker->target.find('?')), ".."));
    }
    require(!has(tracker::public_url("http://user:secret@" + std::string(text)), "secret") ||
            has(text, "secret"));
    return 0;
}
