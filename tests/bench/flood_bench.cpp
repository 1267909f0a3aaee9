// Benchmark of the engine thread's CPU time that one peer costs by a flood of small messages at 10 Mbit/s: a
// real Torrent of 100,000 pieces with 200 peers and a reader, in virtual time.
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "engine/swarm/torrent.hpp"

namespace btfs {
namespace {

constexpr std::uint32_t kPieceLength = 64 * 1024;
constexpr std::uint32_t kPieces = 100'000;
constexpr std::size_t kPeers = 200;
/// Bytes of one turn of the loop: a TCP segment.
constexpr std::size_t kBite = 1460;
constexpr Duration kPerBite = std::chrono::nanoseconds(kBite * 8 * 100);  // 10 Mbit/s

/// Store that has every eighth piece and gives memory for the others.
class EighthStore final : public Storage {
  public:
    EighthStore() : had_(kPieces) {
        for (std::uint32_t i = 0; i < kPieces; i += 8) had_.set(PieceIndex(i));
    }
    void attach(StorageEvents&) override {}
    void detach() override {}
    Bitfield available() const override { return had_; }
    Bitfield unproven() const override { return Bitfield(kPieces); }
    PieceBufferPtr acquire(PieceIndex, Urgency) override { return std::make_shared<Buffer>(); }
    void verify(PieceIndex, PieceBufferPtr, bool) override {}
    void read(ReadTicket ticket, BlockRef block) override { reads.emplace_back(ticket, block); }

    std::vector<std::pair<ReadTicket, BlockRef>> reads;

  private:
    struct Buffer final : PieceBuffer {
        std::span<std::byte> bytes() override { return memory; }
        std::vector<std::byte> memory = std::vector<std::byte>(kPieceLength);
    };
    Bitfield had_;
};

/// Appends the messages of one turn; `n` counts the turns.
using Flood = std::function<void(Bytes&, std::uint32_t n)>;

class World {
  public:
    explicit World(bool background)
        : torrent_(identity_, layout_, storage_, {.max_peers = kPeers + 1, .background = background}, 1,
                   now_) {
        for (std::size_t i = 1; i < kPeers; ++i) connect(i, i % 2 == 0);
        ReaderDemand demand;
        demand.blocked = {{std::uint64_t{kPieceLength} + 1, std::uint64_t{kPieceLength} + 2}};
        demand.window = {kPieceLength, 64 << 20};
        demand.bytes_per_second = 1'000'000;
        torrent_.set_reader(1, demand, now_);
        reconnect();
    }

    /// Handles one segment of the flood, as the engine thread does.
    void bite(const Flood& flood) {
        if (!torrent_.session(flooder_)) {
            ++closed;
            reconnect();
        }
        bytes_.clear();
        while (flood && bytes_.size() < kBite) flood(bytes_, turn_++);
        now_ += kPerBite;
        torrent_.handle_bytes(flooder_, bytes_, now_);
        if (now_ >= torrent_.next_timeout()) torrent_.handle_timeout(now_);
        shell();
    }
    ConnectionId flooder() const { return flooder_; }
    TimePoint now() const { return now_; }

    std::size_t closed = 0;

  private:
    void reconnect() { flooder_ = connect(0, true); }

    /// Carries out the torrent's actions and takes all output.
    void shell() {
        while (auto action = torrent_.poll_action()) {
            const auto* send = std::get_if<Send>(&*action);
            wire::PeerSession* session = send ? torrent_.session(send->connection) : nullptr;
            while (session && session->has_output()) {
                std::array<iovec, 32> buffers;
                std::size_t size = 0;
                for (std::size_t i = 0, count = session->send_buffers(buffers); i < count; ++i)
                    size += buffers[i].iov_len;
                torrent_.handle_sent(send->connection, size, now_);
                session = torrent_.session(send->connection);
            }
        }
        for (auto [ticket, block] : std::exchange(storage_.reads, {}))
            torrent_.handle_read(ticket, ContentView{ByteView(content_).first(block.size), nullptr}, now_);
    }

    ConnectionId connect(std::size_t i, bool seed) {
        const std::string address =
            "10.0." + std::to_string(i >> 8) + "." + std::to_string(i & 255) + ":6881";
        const ConnectionId connection =
            torrent_.handle_connected(*Endpoint::parse(address), {wire::Direction::incoming, 20ms}, now_);
        std::array<std::byte, 12> tail{};
        tail[0] = static_cast<std::byte>(i);
        tail[1] = static_cast<std::byte>(i >> 8);
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true};
        hello.info_hash = identity_.wire_hash();
        hello.peer_id = wire::make_peer_id(tail);
        const auto greeting = hello.encode();
        Bytes bytes(greeting.begin(), greeting.end());
        if (seed) {
            wire::append_message(bytes, wire::HaveAll{});
        } else {
            Bitfield half(kPieces);
            for (std::uint32_t piece = static_cast<std::uint32_t>(i % 3); piece < kPieces; piece += 2)
                half.set(PieceIndex(piece));
            wire::append_message(bytes, wire::BitfieldMessage{half.bytes()});
        }
        torrent_.handle_bytes(connection, bytes, now_);
        shell();
        return connection;
    }

    TimePoint now_{std::chrono::hours(1)};
    const Identity identity_{.v1 = sha1(as_bytes("a torrent")), .v2 = {}};
    const Layout layout_{kPieceLength, {{0, std::uint64_t{kPieces} * kPieceLength, false}}};
    const Bytes content_ = Bytes(1 << 20);
    EighthStore storage_;
    Torrent torrent_;
    ConnectionId flooder_ = kNobody;
    Bytes bytes_;
    std::uint32_t turn_ = 0;
};

Duration thread_cpu() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// Runs a flood. The counter `share` is the engine thread's CPU time for each second of the flood, including
/// the cost of 200 other peers. `closed` counts how often the flooder was disconnected; it reconnects at
/// once.
void run(benchmark::State& state, const Flood& flood) {
    World world(state.range(0) != 0);
    const TimePoint begin = world.now();
    const Duration cpu = thread_cpu();
    for (auto _ : state) world.bite(flood);
    state.counters["share"] = seconds(thread_cpu() - cpu) / seconds(world.now() - begin);
    state.counters["closed"] = static_cast<double>(world.closed);
}

PieceIndex piece_of(std::uint32_t n) {
    return PieceIndex(n % kPieces);
}
BlockRef block_of(std::uint32_t n) {
    return {PieceIndex(n / 4 % (kPieces / 8) * 8), n % 4 * kBlockSize, kBlockSize};
}
void dont_have(Bytes& out, PieceIndex piece) {
    const Bytes payload = wire::encode_dont_have(piece);
    wire::append_message(out, wire::Extended{wire::kDontHaveId, payload});
}
template <class M>
void say(Bytes& out, const M& message) {
    wire::append_message(out, message);
}

const std::vector<std::pair<std::string, Flood>> kFloods = {
    {"KeepAlive", [](Bytes& out, std::uint32_t) { say(out, wire::KeepAlive{}); }},
    {"HaveAll", [](Bytes& out, std::uint32_t) { say(out, wire::HaveAll{}); }},
    {"Have", [](Bytes& out, std::uint32_t n) { say(out, wire::Have{piece_of(n)}); }},
    {"DontHave", [](Bytes& out, std::uint32_t n) { dont_have(out, piece_of(n)); }},
    {"DontHaveAndHave",
     [](Bytes& out, std::uint32_t n) {
         dont_have(out, piece_of(n));
         say(out, wire::Have{piece_of(n)});
     }},
    {"DontHaveAndHaveAll",
     [](Bytes& out, std::uint32_t n) {
         dont_have(out, piece_of(n));
         say(out, wire::HaveAll{});
     }},
    {"Reject", [](Bytes& out, std::uint32_t n) { say(out, wire::RejectRequest{block_of(n)}); }},
    {"Cancel", [](Bytes& out, std::uint32_t n) { say(out, wire::Cancel{block_of(n)}); }},
    {"RequestAndCancel",
     [](Bytes& out, std::uint32_t n) {
         if (n % 1024 == 0) say(out, wire::Interested{});
         say(out, wire::Request{block_of(n)});
         say(out, wire::Cancel{block_of(n)});
     }},
    {"Request",
     [](Bytes& out, std::uint32_t n) {
         if (n % 1024 == 0) say(out, wire::Interested{});
         say(out, wire::Request{block_of(n)});
     }},
    {"ChokeAndUnchoke",
     [](Bytes& out, std::uint32_t) {
         say(out, wire::Unchoke{});
         say(out, wire::Choke{});
     }},
    {"InterestedAndNot",
     [](Bytes& out, std::uint32_t) {
         say(out, wire::Interested{});
         say(out, wire::NotInterested{});
     }},
    {"AllowedFast", [](Bytes& out, std::uint32_t n) { say(out, wire::AllowedFast{piece_of(n)}); }},
    {"Suggest", [](Bytes& out, std::uint32_t n) { say(out, wire::SuggestPiece{piece_of(n)}); }},
    {"Port", [](Bytes& out, std::uint32_t n) { say(out, wire::Port{static_cast<std::uint16_t>(n | 1)}); }},
    {"ExtendedHandshake",
     [](Bytes& out, std::uint32_t) {
         const Bytes payload(as_bytes("d1:md6:ut_pexi1eee").begin(), as_bytes("d1:md6:ut_pexi1eee").end());
         say(out, wire::Extended{wire::kExtendedHandshakeId, payload});
     }},
    {"Pex",
     [](Bytes& out, std::uint32_t) {
         const Bytes payload = wire::PexMessage{}.encode();
         say(out, wire::Extended{wire::kPexId, payload});
     }},
};

/// Measures the cost of the other peers, for comparison: the flooder is silent.
void silence(benchmark::State& state) {
    run(state, {});
}

const bool registered = [] {
    benchmark::RegisterBenchmark("Flood/Silence", silence)->Arg(0)->Arg(1)->Iterations(1000);
    for (const auto& [name, flood] : kFloods)
        benchmark::RegisterBenchmark(("Flood/" + name).c_str(),
                                     [flood = flood](benchmark::State& state) { run(state, flood); })
            ->ArgName("background")
            ->Arg(0)
            ->Arg(1)
            ->Iterations(1000)
            ->Unit(benchmark::kMicrosecond);
    return true;
}();

}  // namespace
}  // namespace btfs
