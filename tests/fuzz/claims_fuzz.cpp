// Sidecar files of any content. Half of the inputs get a valid digest of their header, so that the code
// behind its check is reached.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "cache/records/claims.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const btfs::ByteView input = std::as_bytes(std::span(data, size));
    if (size < 8) return 0;
    btfs::ByteReader shape_reader(input);
    btfs::ClaimsShape shape;
    shape.piece_count = shape_reader.u16();
    shape.piece_length = shape_reader.u32();
    shape.block_count = shape_reader.u16();
    btfs::Bytes file(shape_reader.rest().begin(), shape_reader.rest().end());
    if (size % 2 == 0 && file.size() >= 128) {
        const btfs::Sha1Digest digest = btfs::sha1(btfs::ByteView(file).first(108));
        std::copy(digest.bytes.begin(), digest.bytes.end(), file.begin() + 108);
    }
    const auto claims = btfs::parse_claims(file, shape);
    const auto header = btfs::parse_claims_header(file);
    if (claims && (!header || header->shape != shape)) std::abort();
    if (claims && claims->stored.size() * 8 < shape.block_count) std::abort();
    if (claims && claims->doubtful.size() != claims->stored.size()) std::abort();
    return 0;
}
