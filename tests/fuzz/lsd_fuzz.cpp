// BT-SEARCH: a message that parses fits in a datagram, and is written so that it reads the same.
#include <cstdlib>

#include "engine/lsd/announcement.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    const auto announcement = lsd::Announcement::parse(std::as_bytes(std::span(data, size)));
    if (!announcement) return 0;
    for (AddressFamily family : {AddressFamily::v4, AddressFamily::v6}) {
        const Bytes written = announcement->encode(family);
        if (written.size() > lsd::Announcement::kMaxSize) std::abort();
        if (lsd::Announcement::parse(written) != announcement) std::abort();
    }
    return 0;
}
