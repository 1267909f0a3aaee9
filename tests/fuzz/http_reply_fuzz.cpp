// HTTP reply: the result does not depend on how the bytes are cut. The first byte is the size of the parts.
#include <algorithm>
#include <string>

#include "engine/http/reply_parser.hpp"
#include "tests/fuzz/fuzz_input.hpp"

namespace {

using namespace btfs;
using fuzz::require;
using http::ReplyParser;

constexpr ReplyParser::Limits kLimits{.max_header_size = 2000, .max_body_size = 4000};

struct Outcome {
    Error error;
    bool done = false;
    unsigned status = 0;
    std::string location, body;
    bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view text, std::size_t step) {
    ReplyParser parser(kLimits);
    Outcome outcome;
    while (!text.empty() && !outcome.error && !parser.done()) {
        outcome.error = parser.feed(text.substr(0, step));
        text.remove_prefix(std::min(step, text.size()));
    }
    if (!outcome.error && !parser.done()) outcome.error = parser.feed_end();
    outcome.done = parser.done();
    require(outcome.done == !outcome.error);
    if (!outcome.done) return outcome;
    outcome.status = parser.status();
    outcome.location = parser.field("location").value_or("");
    outcome.body = parser.take_body();
    require(parser.header_done() && outcome.status >= 200 && outcome.status <= 999);
    require(outcome.body.size() <= kLimits.max_body_size &&
            outcome.location.size() <= kLimits.max_header_size);
    require(outcome.location.find_first_of("\n") == std::string::npos);
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    require(read(text, 1 + data[0] % 64) == read(text, std::string::npos));
    return 0;
}
