// Beginnings and ends of files: an index lies within the file, and is bounded.
#include <cstdlib>

#include "fs/container_index.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const btfs::ByteView head = std::as_bytes(std::span(data, size));
    for (const std::uint64_t file : {std::uint64_t{size}, std::uint64_t{8} << 30, ~std::uint64_t{0}}) {
        for (const auto& index : {btfs::container_index(head, file), btfs::zip_directory(head, file)}) {
            if (!index) continue;
            if (index->empty() || index->end > file || index->size() > btfs::kMaxIndexLength) std::abort();
        }
    }
    return 0;
}
