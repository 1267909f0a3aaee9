// Bencode: any text that decodes can be walked and written again, and the canonical form is a fixed point.
#include <algorithm>
#include <map>

#include "engine/metainfo/bencode.hpp"
#include "tests/fuzz/fuzz_input.hpp"

namespace {

using namespace btfs;
using fuzz::require;
using namespace btfs::bencode;

constexpr Limits kLimits{.max_size = 1 << 20, .max_depth = 50, .max_tokens = 10'000};

void write(Writer& out, const Value& value) {
    switch (value.kind()) {
        case Kind::integer:
            out.integer(value.integer());
            break;
        case Kind::loose_integer:
            out.integer(value.clamped_integer());
            break;
        case Kind::string:
            out.string(value.string());
            break;
        case Kind::list:
            out.begin_list();
            for (Value item : value.list()) write(out, item);
            out.end();
            break;
        case Kind::dictionary: {
            std::map<std::string_view, Value> sorted;
            for (auto [key, item] : value.dictionary()) sorted.emplace(key, item);
            out.begin_dictionary();
            for (const auto& [key, item] : sorted) {
                require(value.find(key)->raw().data() == item.raw().data());  // the first of equal keys
                write(out.key(key), item);
            }
            out.end();
        }
    }
}

Bytes canonical(const Document& document) {
    Bytes out;
    Writer writer(out);
    write(writer, document.root());
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView text = std::as_bytes(std::span(data, size));
    auto prefix = decode_prefix(text, kLimits);
    auto whole = decode(text, kLimits);
    if (!prefix) {
        require(!whole);
        return 0;
    }
    require(prefix->size() <= size && prefix->root().raw().size() == prefix->size());
    require(whole.has_value() == (prefix->size() == size));
    const Bytes once = canonical(*prefix);
    auto again = decode(once, kLimits);
    require(again.has_value() && canonical(*again) == once);
    return 0;
}
