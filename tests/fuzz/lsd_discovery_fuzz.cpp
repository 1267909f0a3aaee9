// Local discovery that receives any datagrams: it reports only our own torrents, and handles a limited number
// of datagrams a second.
#include <cstdlib>

#include "engine/lsd/discovery.hpp"

using namespace btfs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteView rest(reinterpret_cast<const std::byte*>(data), size);
    Rng rng(1);
    lsd::Discovery discovery(rng);
    TimePoint now{1h};
    const Sha1Digest ours = *Sha1Digest::from_hex("6162636465666768696a30313233343536373839");
    discovery.add(ours, now);
    unsigned heard = 0;
    while (rest.size() >= 3) {
        const auto control = std::to_integer<unsigned>(rest[0]);
        const std::size_t length =
            std::min<std::size_t>(rest.size() - 3, load_big_endian<std::uint16_t>(&rest[1]) % 2048);
        const ByteView fuzz = rest.subspan(3, length);
        rest = rest.subspan(3 + length);
        if (control % 16 == 0) {
            now += 1s;
            heard = 0;
        }
        const Address from = *Address::parse(control % 2 == 0 ? "192.168.1.7" : "fd00::7");
        const auto neighbour = discovery.handle_datagram(from, fuzz, now);
        if (!neighbour) continue;
        if (++heard > lsd::Discovery::kMaxHeard) std::abort();
        if (neighbour->endpoint.address != from || neighbour->endpoint.port == 0) std::abort();
        for (const Sha1Digest& info_hash : neighbour->info_hashes)
            if (info_hash != ours) std::abort();
    }
    if (const auto announcement = discovery.poll_announcement(6881, now))
        for (AddressFamily family : {AddressFamily::v4, AddressFamily::v6})
            if (announcement->encode(family).size() > lsd::Announcement::kMaxSize) std::abort();
    return 0;
}
