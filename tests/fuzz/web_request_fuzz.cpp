// Headers of requests to the web server: each line is one. What is sent lies in the file, and no header
// breaks out.
#include <array>
#include <cstdlib>

#include "cli/http/header_text.hpp"
#include "cli/http/password_gate.hpp"
#include "cli/http/product_name.hpp"
#include "cli/http/request_guard.hpp"
#include "cli/http/request_target.hpp"
#include "cli/http/stream_head.hpp"
#include "cli/http/web_address.hpp"

using namespace btfs::cli;

namespace {

constexpr std::uint64_t kSize = 1'000'000;

/// Takes the next line off the text.
std::string_view line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view found = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    return found;
}

void check_head(const StreamHead& head) {
    std::uint64_t length = 0;
    for (const auto& part : head.body) {
        if (const auto* text = std::get_if<std::string>(&part)) {
            length += text->size();
            continue;
        }
        const btfs::ByteRange range = std::get<btfs::ByteRange>(part);
        if (range.empty() || range.end > kSize) std::abort();
        length += range.size();
    }
    if (length != head.length || length > 2 * kSize) std::abort();
    for (const auto& [name, value] : head.headers)
        if (value.find_first_of("\r\n") != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string_view name = line(text), authorization = line(text), host = line(text),
                           origin = line(text);
    StreamRequest request{.range = line(text)};
    request.conditions = {line(text), line(text), line(text), line(text), line(text)};
    request.transfer_mode = line(text);
    request.content_features = line(text);
    const std::string_view target = line(text);
    request.is_get = line(text).empty();
    check_head(stream_head(request, {name, kSize, {.etag = "\"a-b\"", .modified = 784111777}}));

    const RequestTarget parts = split_target(target);
    if (parts.path.find('?') != std::string_view::npos || parts.host.find('/') != std::string_view::npos)
        std::abort();
    if (!parts.host.empty() && !parts.path.starts_with('/')) std::abort();

    is_own_host(host, {"nas"});
    is_own_host(parts.host, {"nas"});
    client_address(*btfs::Address::parse("127.0.0.1"), host);
    const std::string product = product_name(origin);
    if (product.size() > kLongestProductName) std::abort();
    for (const char c : product)
        if (c <= ' ' || c > '~' || c == '<' || c == '"') std::abort();
    is_cross_site({.host = host, .origin = origin});
    parse_web_address(host);
    const auto decoded = percent_decoded(name);
    if (decoded && percent_decoded(percent_encoded(*decoded)) != decoded) std::abort();

    // A login of 32 random bytes is not guessed.
    PasswordGate gate("0a1b2c3d4e5f60718293a4b5c6d7e8f9");
    const PasswordGate::Client client{.address = *btfs::Address::parse("192.0.2.1"), .forwarded = true};
    const auto verdict = gate.check(authorization, client, btfs::TimePoint{});
    if (verdict == PasswordGate::Verdict::open) std::abort();
    return 0;
}
