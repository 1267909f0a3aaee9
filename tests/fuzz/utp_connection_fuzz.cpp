// uTP connections that get any packets: a peer that knows their ids and numbers, strangers, and any time
// between.
#include <cstdlib>
#include <map>

#include "engine/utp/connections.hpp"

using namespace btfs;
using namespace btfs::utp;

namespace {

constexpr std::size_t kMemory = 1 << 20;
constexpr std::size_t kMaxConnections = 8;
constexpr std::size_t kMaxDatagramsPerEvent = 4000;

void check(bool holds) {
    if (!holds) std::abort();
}

const Endpoint kPeer = *Endpoint::parse("192.0.2.1:1000"), kStranger = *Endpoint::parse("203.0.113.5:5");

/// Remembers what was sent last, so that the fuzzer's packets fit to it.
struct Output final : Sink {
    void send(const Endpoint& to, ByteView datagram, Fragmentation, const Address&) override {
        const auto packet = Packet::parse(datagram);
        check(packet.has_value() && datagram.size() <= PacketPool::kBlockSize);
        check(++datagrams <= kMaxDatagramsPerEvent);
        bytes_to[to] += datagram.size();
        if (packet->header.type != PacketType::reset && to == kPeer) last = packet->header;
    }
    void flush() override {}
    bool has_room() const override { return room; }
    void want_turn() override { turn_wanted = true; }

    PacketHeader last;
    std::size_t datagrams = 0;
    std::map<Endpoint, std::size_t> bytes_to;
    bool room = true, turn_wanted = false;
};

struct Application final : User {
    void on_connected(Error error) override {
        if (!error) wait();
    }
    void on_readable() override {
        std::byte buffer[3000];
        const iovec into[1] = {{buffer, sizeof buffer}};
        for (int i = 0; i < 10; ++i) {
            const auto n = connection->read(into);
            if (!n) return;
            if (*n == 0) break;
        }
        connection->wait_readable();
    }
    void on_writable() override {
        const iovec from[1] = {{content, sizeof content}};
        (void)connection->write(from);
    }
    void wait() {
        connection->wait_readable();
        connection->wait_writable();
    }

    Connection* connection = nullptr;
    std::byte content[5000] = {};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(std::as_bytes(std::span(data, size)));
    Output output;
    Connections connections(output, Rng(1), [](std::span<std::byte> out) { Rng(2).fill(out); },
                            {.max_connections = kMaxConnections, .memory = kMemory});
    std::vector<std::unique_ptr<Application>> applications;
    connections.set_accept([&](Connection& c) {
        applications.push_back(std::make_unique<Application>());
        applications.back()->connection = &c;
        c.set_user(applications.back().get());
        applications.back()->wait();
    });
    TimePoint now{std::chrono::hours(1)};
    std::map<Endpoint, std::size_t> bytes_from;
    const auto settle = [&] {
        for (int i = 0; i < 1000 && output.turn_wanted; ++i) {
            output.turn_wanted = false;
            connections.end_turn(now);
        }
        check(!output.turn_wanted);
    };
    while (in.ok() && !in.rest().empty()) {
        output.datagrams = 0;
        const std::uint8_t what = in.u8();
        switch (what % 8) {
            case 0: {  // dial
                auto application = std::make_unique<Application>();
                if (const auto c = connections.connect(kPeer, *application, now)) {
                    application->connection = *c;
                    applications.push_back(std::move(application));
                }
                break;
            }
            case 1:
            case 2:
            case 3: {  // a packet that fits to the last one, but for what the fuzzer changes
                PacketHeader h;
                h.type = static_cast<PacketType>(in.u8() % 5);
                h.connection_id = static_cast<std::uint16_t>(output.last.connection_id + (in.u8() % 4) - 1);
                h.timestamp_us = in.u16();
                h.timestamp_difference_us = in.u16();
                h.window_size = in.u16() * 64u;
                h.sequence_number =
                    static_cast<std::uint16_t>(output.last.ack_number + static_cast<std::int8_t>(in.u8()));
                h.ack_number = static_cast<std::uint16_t>(output.last.sequence_number +
                                                          static_cast<std::int8_t>(in.u8()));
                Bytes raw;
                const std::size_t selective = in.u8() % 3 == 0 ? in.u8() : 0;
                h.extension = selective > 0 ? kSelectiveAckExtension : 0;
                raw = h.encode();
                if (selective > 0) {
                    ByteWriter(raw).u8(0).u8(static_cast<std::uint8_t>(selective));
                    raw.resize(raw.size() + selective, static_cast<std::byte>(in.u8()));
                }
                raw.resize(raw.size() + in.u16() % 1500);
                connections.receive({kPeer, {}, raw, now}, now);
                connections.end_turn(now);
                break;
            }
            case 4: {  // anything, from a stranger
                const ByteView raw = in.take(std::min<std::size_t>(in.u8(), in.rest().size()));
                bytes_from[kStranger] += raw.size();
                connections.receive({kStranger, {}, raw, now}, now);
                connections.end_turn(now);
                break;
            }
            case 5:  // time passes
                now += std::chrono::milliseconds(in.u16());
                for (int i = 0; i < 100 && connections.next_timeout() <= now; ++i)
                    connections.handle_timer(now);
                check(connections.next_timeout() > now);
                break;
            case 6:
                if (!applications.empty()) {  // its end
                    applications.back()->connection->release();
                    applications.pop_back();
                }
                break;
            case 7:
                output.room = !output.room;
                if (output.room) connections.handle_writable(now);
                break;
        }
        settle();
        check(connections.size() <= kMaxConnections + 1);
        check(connections.budget().used() <=
              kMemory + kMaxConnections * (ReceiveQueue::kMost + Connection::kMostAhead));
        if (output.bytes_to[kStranger] > bytes_from[kStranger]) check(false);
    }
    return 0;
}
