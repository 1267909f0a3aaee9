// Benchmarks of the engine thread's decisions after a block has arrived, in a large torrent.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <chrono>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "engine/swarm/torrent.hpp"

namespace btfs {
namespace {

/// Size of a torrent: many small pieces, or pieces of a common size.
struct Size {
    std::uint32_t piece_length;
    std::uint32_t pieces;
};
constexpr Size kManyPieces{64 * 1024, 1'000'000};
constexpr Size kUsualPieces{1024 * 1024, 60'000};
constexpr Size kCrowdPieces{1024 * 1024, 20'000};
constexpr std::uint64_t kWindow = 64 << 20;
/// Time between two blocks: 800 MB/s in all, so that none of 10,000 peers seems silent.
constexpr Duration kPerBlock = 20us;

/// Store that receives every piece into the same memory, and verifies it.
class OneBuffer final : public Storage {
  public:
    explicit OneBuffer(const Size& size) : size_(size) {}

    void attach(StorageEvents&) override {}
    void detach() override {}
    Bitfield available() const override { return Bitfield(size_.pieces); }
    Bitfield unproven() const override { return Bitfield(size_.pieces); }
    PieceBufferPtr acquire(PieceIndex, Urgency) override { return buffer_; }
    void verify(PieceIndex piece, PieceBufferPtr, bool) override { to_verify.push_back(piece); }
    void read(ReadTicket, BlockRef) override {}

    std::deque<PieceIndex> to_verify;

  private:
    struct Buffer final : PieceBuffer {
        explicit Buffer(std::size_t size) : memory(size) {}
        std::span<std::byte> bytes() override { return memory; }
        std::vector<std::byte> memory;
    };
    const Size size_;
    std::shared_ptr<Buffer> buffer_ = std::make_shared<Buffer>(size_.piece_length);
};

enum Reader : std::int64_t {
    reads_ahead,  ///< its window is wanted, no read waits
    waits,        ///< a read waits for the piece at its position, too
    background,   ///< no reader: all pieces are wanted, rarest first
    at_random,    ///< kReaders readers, each waits for one block after another at random places
    nobody,       ///< nothing is wanted
};
constexpr std::size_t kReaders = 45;

enum class Peers : std::uint8_t { seeds, leechers };

/// Torrent with seeds that answer in the order of the requests, or with leechers that have the even pieces.
/// The content of blocks is not written, since copying is not part of the decisions.
class Swarm {
  public:
    Swarm(std::size_t peers, Reader reader, const Size& size = kManyPieces, Peers kind = Peers::seeds)
        : reader_(reader),
          kind_(kind),
          size_(size),
          torrent_(identity_, layout_, storage_, {.max_peers = peers, .background = reader == background}, 1,
                   now_) {
        for (std::size_t i = 0; i < peers; ++i) connect(i);
        read_on();
    }

    /// Delivers one block. Returns the time from its arrival to the last decision that follows, or zero if no
    /// block is asked for.
    Duration block() {
        while (!asked_.empty()) {
            const ConnectionId connection = asked_.front();
            asked_.pop_front();
            --asked_of_[connection];
            wire::PeerSession* session = torrent_.session(connection);
            if (!session || session->requests().empty()) continue;
            now_ += kPerBlock;
            if (now_ >= torrent_.next_timeout()) {
                torrent_.handle_timeout(now_);
                take_actions();
                note_requests();
            }
            return answer(connection, *session);
        }
        return {};
    }
    /// Verifies the complete pieces. Returns the time that the decisions after them took.
    Duration verify() {
        Duration spent{};
        while (!storage_.to_verify.empty()) {
            const PieceIndex piece = storage_.to_verify.front();
            storage_.to_verify.pop_front();
            spent += timed([&] { torrent_.handle_verified(piece, {}, now_); });
            ++verified_;
        }
        return spent;
    }
    /// Lets a second pass in which no peer says anything. Returns the time that the torrent's timers took.
    Duration pass_second() {
        Duration spent{};
        const TimePoint end = now_ + 1s;
        while (torrent_.next_timeout() <= end) {
            now_ = std::max(now_, torrent_.next_timeout());
            spent += timed([&] { torrent_.handle_timeout(now_); });
        }
        now_ = end;
        return spent;
    }
    /// Each leecher says that it has the piece. Returns the time that took.
    Duration hear_have(PieceIndex piece) {
        Bytes have;
        ByteWriter(have).u32(5).u8(4).u32(piece.value());
        return timed([&] {
            for (ConnectionId connection : connected_) torrent_.handle_bytes(connection, have, now_);
        });
    }
    std::size_t connected() const { return torrent_.totals().peers; }

    Duration read_on() {
        if (reader_ == nobody) return {};
        return reader_ == at_random ? read_elsewhere() : read_ahead();
    }

    std::size_t verified() const { return verified_; }
    std::size_t statements() const { return statements_; }

  private:
    Duration read_elsewhere() {
        Duration spent{};
        for (std::size_t i = 0; i < kReaders; ++i) {
            if (waited_for_.size() > i && !torrent_.picker().had().test(waited_for_[i])) continue;
            const PieceIndex piece(static_cast<std::uint32_t>(rng_.below(size_.pieces)));
            waited_for_.resize(std::max(waited_for_.size(), i + 1), piece);
            waited_for_[i] = piece;
            const std::uint64_t at = layout_.piece_offset_in_torrent(piece);
            spent += timed([&] {
                torrent_.set_reader(i + 1, {.blocked = {{at, at + kBlockSize}}, .window = {}}, now_);
            });
            ++statements_;
        }
        return spent;
    }
    Duration read_ahead() {
        while (position_.value() < size_.pieces && torrent_.picker().had().test(position_))
            position_ = position_.next();
        if (reader_ == background || position_ == told_) return {};
        told_ = position_;
        ReaderDemand demand;
        const std::uint64_t at = layout_.piece_offset_in_torrent(position_);
        if (reader_ == waits) demand.blocked = {{at, at + kBlockSize}};
        demand.window = {at, at + kWindow};
        demand.bytes_per_second = 20'000'000;
        ++statements_;
        return timed([&] { torrent_.set_reader(1, demand, now_); });
    }
    template <class F>
    Duration timed(F&& f) {
        const auto begin = std::chrono::steady_clock::now();
        f();
        take_actions();
        const auto end = std::chrono::steady_clock::now();
        note_requests();
        return end - begin;
    }
    void take_actions() {
        while (auto action = torrent_.poll_action())
            if (const auto* send = std::get_if<Send>(&*action)) sends_.push_back(send->connection);
    }
    /// Takes the output of connections as the engine does for Send, and notes the requests in it.
    void note_requests() {
        for (ConnectionId connection : sends_) {
            wire::PeerSession* session = torrent_.session(connection);
            if (!session) continue;
            iovec buffers[32];
            while (const std::size_t count = session->send_buffers(buffers)) {
                std::size_t size = 0;
                for (std::size_t i = 0; i < count; ++i) size += buffers[i].iov_len;
                torrent_.handle_sent(connection, size, now_);
            }
            for (std::size_t& known = asked_of_[connection]; known < session->requests().size(); ++known)
                asked_.push_back(connection);
        }
        sends_.clear();
    }

    void connect(std::size_t i) {
        const std::string address = "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) +
                                    "." + std::to_string(i & 255) + ":6881";
        const ConnectionId connection =
            torrent_.handle_connected(*Endpoint::parse(address), {wire::Direction::incoming, 20ms}, now_);
        std::array<std::byte, 12> tail{};
        std::memcpy(tail.data(), &i, sizeof i);
        const wire::Handshake handshake{{.fast = true}, identity_.wire_hash(), wire::make_peer_id(tail)};
        const auto greeting = handshake.encode();
        Bytes bytes(greeting.begin(), greeting.end());
        ByteWriter out(bytes);
        if (kind_ == Peers::seeds) {
            out.u32(1).u8(14);  // have all
        } else {
            const std::uint32_t bitfield_size = (size_.pieces + 7) / 8;
            out.u32(1 + bitfield_size).u8(5);
            for (std::uint32_t at = 0; at < bitfield_size; ++at) out.u8(0xaa);
        }
        out.u32(1).u8(1);  // unchoke
        connected_.push_back(connection);
        torrent_.handle_bytes(connection, bytes, now_);
        take_actions();
        note_requests();
    }

    Duration answer(ConnectionId connection, wire::PeerSession& session) {
        const BlockRef block = session.requests().front().block;
        std::array<std::byte, 13> header{};
        const auto put = [&](std::size_t at, std::uint32_t value) {
            for (int i = 0; i < 4; ++i)
                header[at + static_cast<std::size_t>(i)] = std::byte(value >> (24 - 8 * i));
        };
        put(0, 9 + block.size);
        header[4] = std::byte{7};
        put(5, block.piece.value());
        put(9, block.offset_in_piece);

        Duration spent{};
        const std::size_t size = header.size() + block.size;
        for (std::size_t at = 0; at < size;) {
            iovec buffers[32];
            const std::size_t count = session.receive_buffers(buffers);
            std::size_t placed = 0;
            for (std::size_t i = 0; i < count && at < size; ++i) {
                const std::size_t part = std::min(buffers[i].iov_len, size - at);
                if (at < header.size())
                    std::memcpy(buffers[i].iov_base, header.data() + at, std::min(part, header.size() - at));
                at += part;
                placed += part;
            }
            spent += timed([&] { torrent_.handle_received(connection, placed, now_); });
        }
        return spent;
    }

    const Reader reader_;
    const Peers kind_;
    const Size size_;
    TimePoint now_{std::chrono::hours(1)};
    const Identity identity_{.v1 = sha1(as_bytes("a torrent")), .v2 = {}};
    const Layout layout_{size_.piece_length, {{0, std::uint64_t{size_.pieces} * size_.piece_length, false}}};
    OneBuffer storage_{size_};
    Torrent torrent_;
    PieceIndex position_{0};
    std::optional<PieceIndex> told_;
    std::size_t verified_ = 0;
    std::size_t statements_ = 0;
    Rng rng_{1};
    std::vector<PieceIndex> waited_for_;

    std::vector<ConnectionId> connected_;
    std::vector<ConnectionId> sends_;
    std::deque<ConnectionId> asked_;  ///< one entry for each request
    std::unordered_map<ConnectionId, std::size_t> asked_of_;
};

/// Measures the time of one block; the counters are the costs of a verified piece and of a change of demand.
void SwarmBlock(benchmark::State& state) {
    const auto reader = static_cast<Reader>(state.range(1));
    Swarm swarm(static_cast<std::size_t>(state.range(0)), reader,
                reader == at_random ? kUsualPieces : kManyPieces);
    Duration verifying{}, reading{};
    double deciding = 0;
    const std::size_t before = swarm.statements();
    for (auto _ : state) {
        const Duration spent = swarm.block();
        if (spent == Duration{}) {
            state.SkipWithError("nothing is asked for");
            break;
        }
        state.SetIterationTime(seconds(spent));
        deciding += seconds(spent);
        verifying += swarm.verify();
        reading += swarm.read_on();
    }
    const auto each = [](Duration all, std::size_t count) {
        return count == 0 ? 0 : seconds(all) * 1e6 / static_cast<double>(count);
    };
    state.counters["verified_us"] = each(verifying, swarm.verified());
    state.counters["reader_us"] = each(reading, swarm.statements() - before);
    state.counters["all_s_per_GiB"] =
        (seconds(verifying) + seconds(reading) + deciding) / static_cast<double>(state.iterations()) * 65536;
}

// Sets a fixed number of iterations, since building a swarm takes most of the time.
void few(benchmark::internal::Benchmark* bench) {
    bench->ArgNames({"peers", "reader"})->UseManualTime()->Unit(benchmark::kMicrosecond);
}
BENCHMARK(SwarmBlock)
    ->Apply(few)
    ->ArgsProduct({{10, 100}, {reads_ahead, waits, background}})
    ->Iterations(20000);
BENCHMARK(SwarmBlock)->Apply(few)->ArgsProduct({{3, 8, 24, 80}, {at_random}})->Iterations(20000);
BENCHMARK(SwarmBlock)->Apply(few)->ArgsProduct({{500}, {reads_ahead, waits, background}})->Iterations(5000);
BENCHMARK(SwarmBlock)->Apply(few)->ArgsProduct({{10000}, {reads_ahead, waits, background}})->Iterations(500);

/// Measures a second in which nobody reads and no peer says anything. The counters: a Have of every peer,
/// which it has every second besides, and the heap that a peer takes.
void SwarmIdleSecond(benchmark::State& state) {
    const auto peers = static_cast<std::size_t>(state.range(0));
    const auto heap = [] {
        const struct mallinfo2 info = mallinfo2();
        return static_cast<double>(info.uordblks + info.hblkhd);
    };
    const double before = heap();
    Swarm swarm(peers, nobody, kCrowdPieces, Peers::leechers);
    state.counters["heap_of_peer"] = (heap() - before) / static_cast<double>(peers);
    Duration having{};
    PieceIndex piece(1);
    for (auto _ : state) {
        state.SetIterationTime(seconds(swarm.pass_second()));
        having += swarm.hear_have(piece);
        piece = piece.next().next();
    }
    if (swarm.connected() != peers) state.SkipWithError("peers have gone");
    const auto rounds = static_cast<double>(state.iterations());
    state.counters["have_us"] = seconds(having) * 1e6 / rounds / static_cast<double>(peers);
}
BENCHMARK(SwarmIdleSecond)
    ->ArgName("peers")
    ->Arg(80)
    ->Arg(500)
    ->Arg(2000)
    ->UseManualTime()
    ->Iterations(60)
    ->Unit(benchmark::kMicrosecond);

/// Measures the choice of the rarest of 10^6 pieces that some of 20 partial peers have.
void PickerRarest(benchmark::State& state) {
    constexpr std::uint32_t kPieces = kManyPieces.pieces;
    const Layout layout(kManyPieces.piece_length,
                        {{0, std::uint64_t{kPieces} * kManyPieces.piece_length, false}});
    Picker picker(layout, Bitfield(kPieces));
    Rng rng(1);
    for (int peer = 0; peer < 20; ++peer) {
        Bitfield pieces(kPieces);
        for (std::uint32_t i = 0; i < kPieces; ++i)
            if (rng.below(2) == 0) pieces.set(PieceIndex(i));
        picker.pieces_joined(pieces);
    }
    std::uint64_t salt = 0;
    for (auto _ : state)
        benchmark::DoNotOptimize(picker.rarest([](PieceIndex) { return true; }, salt += 7919));
}
BENCHMARK(PickerRarest)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace btfs
