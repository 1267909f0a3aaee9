// ut_metadata: a message that parses is written so that it reads the same.
#include <algorithm>
#include <cstdlib>

#include "engine/wire/metadata_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs::wire;
    const auto message = parse_metadata_message(std::as_bytes(std::span(data, size)));
    if (!message || !*message) return 0;
    const btfs::Bytes written = encode(**message);
    const auto again = parse_metadata_message(written);
    if (!again || !*again || (*again)->index() != (*message)->index()) std::abort();
    if (const auto* d = std::get_if<MetadataData>(&**message)) {
        const auto& e = std::get<MetadataData>(**again);
        if (d->data.size() > kMetadataPieceSize || !std::ranges::equal(d->data, e.data)) std::abort();
    }
    return 0;
}
