// A network link on which datagrams stay in the sender's socket until the test lets them leave.
#pragma once

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"

namespace btfs::net::test {

/// A TAP interface with the address 10.0.0.1, in a network of its own. Its neighbour 10.0.0.2 does not say
/// its hardware address before answer(): until then datagrams to it wait in the kernel, and count as unsent
/// bytes of their socket. Needs root.
class SlowNeighbour {
  public:
    struct Datagram {
        std::string content;
        bool may_be_cut;
    };

    /// Runs the test on a thread in such a network. False if there can be none.
    static bool run(const std::function<void(SlowNeighbour&)>& test) {
        bool ready = false;
        std::thread([&] {
            SlowNeighbour neighbour;
            ready = neighbour.open();
            if (ready) test(neighbour);
        }).join();
        return ready;
    }

    SlowNeighbour(const SlowNeighbour&) = delete;
    SlowNeighbour& operator=(const SlowNeighbour&) = delete;
    ~SlowNeighbour() {
        if (tap_ >= 0) ::close(tap_);
    }

    static Endpoint at(std::uint16_t port) { return {*Address::parse("10.0.0.2"), port}; }

    /// Lets go what waits, and all that follows.
    void answer() {
        Bytes frame;
        ByteWriter out(frame);
        out.bytes(hardware_address_).bytes(kNeighbour).u16(0x0806);  // ARP
        out.u16(1).u16(0x0800).u8(6).u8(4).u16(2).bytes(kNeighbour).bytes(at(0).address.bytes());
        out.bytes(hardware_address_).bytes(Address::parse("10.0.0.1")->bytes());
        (void)!::write(tap_, frame.data(), frame.size());
    }

    /// The datagrams that have left since the last call.
    std::vector<Datagram> arrived() {
        std::vector<Datagram> all;
        std::array<std::byte, 2000> frame;
        for (ssize_t size; (size = ::read(tap_, frame.data(), frame.size())) > 0;) {
            const ByteView bytes(frame.data(), static_cast<std::size_t>(size));
            constexpr std::size_t kUdp = 14 + 20, kContent = kUdp + 8;
            if (bytes.size() < kContent || bytes[12] != std::byte{0x08} || bytes[13] != std::byte{0x00} ||
                bytes[14 + 9] != std::byte{IPPROTO_UDP})
                continue;  // ARP, IPv6
            const bool whole = (bytes[14 + 6] & std::byte{0x40}) != std::byte{0};
            const auto length = load_big_endian<std::uint16_t>(bytes.data() + kUdp + 4);
            all.push_back({std::string(as_text(bytes.subspan(kContent, length - 8u))), !whole});
        }
        return all;
    }

  private:
    static constexpr std::array<std::byte, 6> kNeighbour{std::byte{2}, {}, {}, {}, {}, std::byte{2}};

    SlowNeighbour() = default;

    bool open() {
        if (unshare(CLONE_NEWNET) != 0) return false;
        tap_ = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        ifreq made = request();
        made.ifr_flags = IFF_TAP | IFF_NO_PI;
        if (tap_ < 0 || ioctl(tap_, TUNSETIFF, &made) != 0) return false;
        const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        // The interface drops what it has no place for.
        ifreq long_queue = request();
        long_queue.ifr_qlen = 8192;
        if (ioctl(fd, SIOCSIFTXQLEN, &long_queue) != 0) {
            ::close(fd);
            return false;
        }
        const bool done = set_address(fd, "10.0.0.1") && set_up(fd) && read_hardware_address(fd);
        ::close(fd);
        // As much as a socket can hold may wait for the neighbour.
        std::FILE* limit = std::fopen("/proc/sys/net/ipv4/neigh/tap0/unres_qlen_bytes", "w");
        if (!limit) return false;
        std::fputs("67108864", limit);
        return std::fclose(limit) == 0 && done;
    }
    static ifreq request() {
        ifreq made{};
        std::strcpy(made.ifr_name, "tap0");
        return made;
    }
    static bool set_address(int fd, const char* address) {
        ifreq wanted = request();
        auto* in = reinterpret_cast<sockaddr_in*>(&wanted.ifr_addr);
        in->sin_family = AF_INET;
        const Address parsed = *Address::parse(address);
        std::memcpy(&in->sin_addr, parsed.bytes().data(), sizeof in->sin_addr);
        return ioctl(fd, SIOCSIFADDR, &wanted) == 0;
    }
    static bool set_up(int fd) {
        ifreq wanted = request();
        wanted.ifr_flags = IFF_UP;
        return ioctl(fd, SIOCSIFFLAGS, &wanted) == 0;
    }
    bool read_hardware_address(int fd) {
        ifreq asked = request();
        if (ioctl(fd, SIOCGIFHWADDR, &asked) != 0) return false;
        std::memcpy(hardware_address_.data(), asked.ifr_hwaddr.sa_data, hardware_address_.size());
        return true;
    }

    int tap_ = -1;
    std::array<std::byte, 6> hardware_address_{};
};

}  // namespace btfs::net::test
