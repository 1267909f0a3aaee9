// File of an IP filter of any content: what is read does not depend on how the bytes are cut, ranges are in
// order and apart, and no more memory is taken than the bounds say.
#include <cstdlib>

#include "engine/filter/filter_reader.hpp"

namespace {

btfs::Result<btfs::FilterFile> read(btfs::ByteView content, std::size_t part) {
    btfs::FilterReader reader;
    while (!content.empty()) {
        const btfs::ByteView now = content.first(std::min(part, content.size()));
        content = content.subspan(now.size());
        if (auto taken = reader.feed(now); !taken) return taken.error();
    }
    return reader.finish();
}

template <class Ranges>
void check(const Ranges& ranges) {
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        if (ranges[i].first > ranges[i].last) std::abort();
        if (i > 0 && !(ranges[i - 1].last < ranges[i].first)) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    const ByteView content = std::as_bytes(std::span(data, size));
    const auto whole = read(content, size + 1);
    const auto cut = read(content, 1 + size / 7);
    if (whole.has_value() != cut.has_value()) std::abort();
    if (!whole) return 0;
    if (whole->entries != cut->entries || whole->unreadable != cut->unreadable) std::abort();
    if (whole->filter.v4_range_count() + whole->filter.v6_range_count() > whole->entries) std::abort();
    check(whole->filter.v4_ranges());
    check(whole->filter.v6_ranges());
    for (const IpFilter::V4Range& range : whole->filter.v4_ranges()) {
        Bytes raw;
        ByteWriter(raw).u32(range.last);
        if (!cut->filter.contains(*Address::from_bytes(raw))) std::abort();
    }
    return 0;
}
