#include "tests/year/cache_year.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <set>
#include <thread>

#include "cache/disk/whole_file.hpp"
#include "tests/support/memory_storage.hpp"

namespace btfs::year {
namespace {

constexpr std::uint32_t kPieceLength = 4 * kBlockSize;
constexpr std::uint32_t kPieces = 8;
constexpr std::uint32_t kStayingPieces = 400;  ///< 25 MiB
constexpr std::size_t kOpenAtATime = 5;
constexpr std::size_t kPinnedAtATime = 3;
constexpr Duration kTorrentEvery = 40min;
constexpr Duration kProcessLives = 24h * 7;
constexpr std::uint64_t kRemembered = 100;  ///< torrents that may come again
constexpr std::uint64_t kUrls = 20;
constexpr std::size_t kInfoSize = 2000;
constexpr double kRounding = 16e3;  ///< bytes of the file system's own that belong to files
constexpr auto kLook = std::chrono::microseconds(50);
/// Looks until something is said never to happen: a minute at least.
constexpr int kLooks = 1'200'000;

/// Waits for the disk pool, by the time of the world outside: false after a minute.
bool wait(const std::function<bool()>& condition) {
    for (int i = 0; i < kLooks; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(kLook);
    }
    return false;
}

/// How a read ended. Shared by the reply and the reader.
struct Outcome {
    std::atomic<bool> ended = false;
    bool again = false;
    Error error;
    Bytes bytes;
};

class Reply final : public ReadReply {
  public:
    explicit Reply(std::shared_ptr<Outcome> outcome) : outcome_(std::move(outcome)) {}
    void data(std::span<const iovec> parts) override {
        for (const iovec& part : parts) {
            const auto* begin = static_cast<const std::byte*>(part.iov_base);
            outcome_->bytes.insert(outcome_->bytes.end(), begin, begin + part.iov_len);
        }
        outcome_->ended = true;
    }
    void fail(Error error) override {
        outcome_->error = error;
        outcome_->ended = true;
    }
    void again() override {
        outcome_->again = true;
        outcome_->ended = true;
    }

  private:
    const std::shared_ptr<Outcome> outcome_;
};

}  // namespace

/// A torrent that is open, and what the engine would hear of it.
struct CacheYear::OpenTorrent final : StorageEvents {
    OpenTorrent(std::uint64_t the_number, std::uint32_t pieces, std::atomic<std::uint64_t>& the_evicted)
        : number(the_number), evicted(the_evicted) {
        content = testing::make_content(std::size_t{pieces} * kPieceLength, number + 1);
        spec.layout = Layout(kPieceLength, {{0, content.size(), false}});
        spec.info = std::make_shared<const Bytes>(testing::make_content(kInfoSize, number + 1));
        spec.identity.v1 = sha1(*spec.info);
        std::vector<Sha1Digest> hashes;
        for (PieceIndex p(0); p.value() < pieces; p = p.next()) hashes.push_back(sha1(piece(p)));
        spec.hashes = PieceHashes(std::move(hashes));
    }

    ByteView piece(PieceIndex index) const {
        const ByteRange range = spec.layout.piece_range(index);
        return ByteView(content).subspan(range.begin, range.size());
    }

    void on_verified(PieceIndex, std::vector<Sha1Digest>) override { ++verdicts; }
    void on_mismatch(PieceIndex, PieceBufferPtr, std::vector<Sha1Digest>) override { ++verdicts; }
    void on_lost(PieceIndex) override {}
    void on_evicted(const std::vector<PieceIndex>& pieces) override { evicted += pieces.size(); }
    void on_credit() override {}
    void on_read(ReadTicket, Result<ContentView>) override { ++uploads; }

    const std::uint64_t number;
    StoreSpec spec;
    Bytes content;
    std::atomic<std::uint64_t>& evicted;
    std::atomic<std::uint64_t> verdicts = 0, uploads = 0;
    std::unique_ptr<TorrentStore> store;  ///< goes first
};

CacheYear::CacheYear(std::uint64_t seed) : rng_(seed) {
    begin_process();
}

CacheYear::~CacheYear() {
    end_process();
}

void CacheYear::expect(bool condition, const char* otherwise) {
    if (!condition && std::ranges::find(violations_, otherwise) == violations_.end())
        violations_.emplace_back(otherwise);
}

// ---- the process ----

void CacheYear::begin_process() {
    until_restart_ = kProcessLives;
    pool_ = std::make_unique<DiskPool>(2);
    memory_ = std::make_unique<PieceMemory>();
    auto dir = CacheDir::open(folder_.path / "cache", BootId{std::byte{1}});
    if (!dir) std::abort();
    dir_ = std::make_unique<CacheDir>(std::move(*dir));
    bound_ = std::make_unique<CacheBound>(dir_->files(), *pool_, CacheSizes{kBound, 0});
    dir_->set_bound(*bound_);
    bound_->start();
    open(0, kStayingPieces);
    staying_ = std::move(open_.back());
    open_.pop_back();
}

void CacheYear::end_process() {
    while (!open_.empty()) close_oldest();
    staying_.reset();
    dir_.reset();
    bound_.reset();
    memory_.reset();
    pool_.reset();
}

void CacheYear::run_for(Duration time) {
    while (time > Duration{}) {
        const Duration step = std::min({time, until_torrent_, until_restart_});
        clock_.advance(step);
        time -= step;
        until_torrent_ -= step;
        until_restart_ -= step;
        if (until_restart_ == Duration{}) {
            end_process();
            std::ofstream(folder_.path / "cache" / part_beside("dht.nodes"));
            if (++counts_.restarts % 4 == 0) clock_.set_wall_clock_back(24h * 3);
            begin_process();
        }
        if (until_torrent_ > Duration{}) continue;
        until_torrent_ = from_seconds(seconds(kTorrentEvery) * std::min(5.0, -std::log(1 - rng_.fraction())));
        open_torrent();
    }
}

// ---- torrents ----

void CacheYear::open_torrent() {
    const bool again = rng_.below(3) == 0 && numbers_ > 1;
    const std::uint64_t number =
        again ? numbers_ - 1 - rng_.below(std::min(kRemembered, numbers_ - 1)) : numbers_++;
    if (std::ranges::any_of(open_, [&](const auto& torrent) { return torrent->number == number; })) return;
    while (open_.size() >= kOpenAtATime) close_oldest();
    open(number, kPieces);
    counts_.opened_again += again ? 1 : 0;
    read_some(*open_.back());
    if (rng_.below(8) == 0) read_some(*staying_);
    if (rng_.below(8) == 0) pin_another(*open_.back());
    if (rng_.below(8) == 0) keep_small_files();
    const std::uint64_t bytes = bytes_in_directory();
    counts_.most_bytes = std::max(counts_.most_bytes, bytes);
    expect(bytes <= kBound, "the directory takes more than its bound");
}

void CacheYear::open(std::uint64_t number, std::uint32_t pieces) {
    auto torrent = std::make_unique<OpenTorrent>(number, pieces, counts_.evicted);
    auto store = dir_->open_torrent(torrent->spec, *pool_, *memory_);
    if (!store) return expect(false, "a torrent cannot be opened");
    ++counts_.opened;
    torrent->store = std::move(*store);
    torrent->store->attach(*torrent);
    open_.push_back(std::move(torrent));
}

void CacheYear::close_oldest() {
    open_.front()->store->close_begin();
    open_.pop_front();
}

void CacheYear::read_some(OpenTorrent& torrent) {
    const Layout& layout = torrent.spec.layout;
    const std::uint32_t count = 5;
    const PieceIndex first(rng_.below(layout.piece_count() - count));
    const ReaderId reader = next_id_++;
    for (PieceIndex piece = first; piece.value() < first.value() + count; piece = piece.next()) {
        const ByteRange range = layout.piece_range(piece);
        torrent.store->set_reader(reader, {.blocked = {range}, .window = {range.begin, layout.total_size()}});
        counts_.found += torrent.store->has(range) ? 1 : 0;
        expect(wait([&] { return read(torrent, piece); }), "a read is never answered");
        torrent.store->leave_behind(range);
    }
    torrent.store->drop_reader(reader);
    if (rng_.below(2) == 0) return;
    const std::uint64_t before = torrent.uploads;
    torrent.store->read(next_id_++, {first, 0, kBlockSize});
    expect(wait([&] { return torrent.uploads > before; }), "an upload is never answered");
    ++counts_.uploads;
}

/// One try to read a piece, with what is missing fetched; false if it was evicted meanwhile.
bool CacheYear::read(OpenTorrent& torrent, PieceIndex piece) {
    const auto outcome = std::make_shared<Outcome>();
    const ByteRange range = torrent.spec.layout.piece_range(piece);
    if (torrent.store->read(next_id_++, range, std::make_unique<Reply>(outcome)) == ReadOutcome::parked) {
        // A piece that an earlier process has left is proven now, and answers, or is lost.
        wait([&] { return outcome->ended || !torrent.store->has(range); });
        if (!outcome->ended) fetch(torrent, piece);
    }
    expect(wait([&] { return outcome->ended.load(); }), "a read is never answered");
    if (!outcome->ended || outcome->again) return false;
    expect(!outcome->error, "a read fails");
    expect(std::ranges::equal(outcome->bytes, torrent.piece(piece)), "a read gives wrong bytes");
    return true;
}

/// Gives the store the piece, as a swarm does. Now and then it is wrong at first.
void CacheYear::fetch(OpenTorrent& torrent, PieceIndex piece) {
    for (bool spoilt = rng_.below(20) == 0;; spoilt = false) {
        PieceBufferPtr buffer;
        if (!wait([&] { return bool(buffer = torrent.store->acquire(piece, Urgency::blocked_read)); }))
            return expect(false, "there is never room for a piece");
        const ByteView bytes = torrent.piece(piece);
        std::ranges::copy(bytes, buffer->bytes().begin());
        if (spoilt) buffer->bytes().front() ^= std::byte{1};
        for (std::uint32_t i = 0; i < torrent.spec.layout.block_count(piece); ++i) buffer->block_received(i);
        const std::uint64_t before = torrent.verdicts;
        torrent.store->verify(piece, std::move(buffer), false);
        expect(wait([&] { return torrent.verdicts > before; }), "a piece is never verified");
        if (!spoilt) break;
        ++counts_.spoilt;
    }
    ++counts_.fetched;
}

// ---- small files ----

/// The user pins a torrent, and unpins the one that was pinned first.
void CacheYear::pin_another(const OpenTorrent& torrent) {
    if (std::ranges::find(pinned_, torrent.spec.identity) != pinned_.end()) return;
    const FileRange all{0, 0};
    expect(!dir_->keep_pins(torrent.spec.identity, {&all, 1}), "pins cannot be kept");
    pinned_.push_back(torrent.spec.identity);
    if (pinned_.size() <= kPinnedAtATime) return;
    expect(!dir_->keep_pins(pinned_.front(), {}), "pins cannot be removed");
    pinned_.pop_front();
}

void CacheYear::keep_small_files() {
    const Bytes table = testing::make_content(1000 + rng_.below(9000), rng_.next());
    expect(!dir_->keep_dht_table(table), "the table of the DHT cannot be kept");
    const std::string url = "http://example/" + std::to_string(rng_.below(kUrls));
    expect(!dir_->keep_download(url, table), "a download cannot be kept");
}

// ---- what there is ----

std::uint64_t CacheYear::bytes_in_directory() const {
    return dir_->bytes_on_disk().value();
}

/// Those of torrents that have content come and go with it: how many these are is chance.
std::size_t CacheYear::files_without_content() const {
    const auto names = dir_->files()->list().value();
    const std::set<std::string> all(names.begin(), names.end());
    return static_cast<std::size_t>(std::ranges::count_if(all, [&](const std::string& name) {
        return !all.contains(name.substr(0, name.rfind('.')) + ".data");
    }));
}

void CacheYear::note(Growth& growth) {
    while (!open_.empty()) close_oldest();
    bound_->closed().rescan();
    expect(wait([&] { return bound_->closed().leaving() == 0; }), "an eviction never ends");
    const auto counted_wrongly = [&] {
        return std::abs(static_cast<double>(bound_->budget().used()) -
                        static_cast<double>(bytes_in_directory()));
    };
    // Evictions in the torrent that stays open may be under way. What is wrong for longer is told below.
    wait([&] { return counted_wrongly() < kRounding; });
    const double there = static_cast<double>(bytes_in_directory());
    growth.note("files without content", static_cast<double>(files_without_content()), 10);
    growth.note("bytes in the directory", there, 2e6);
    growth.note("bytes counted wrongly", counted_wrongly(), kRounding);
    growth.note("memory of pieces", static_cast<double>(memory_->held_bytes()), 0);
    growth.note("descriptors", static_cast<double>(open_descriptors()), 1);  // a job may have a file open
    growth.note("threads", static_cast<double>(threads()), 0);
    // A table with a bound may double once more, late: 64 KiB.
    growth.note("heap, cache", heap_in_use(), 100e3);
}

std::string CacheYear::happened() const {
    return "torrents opened " + std::to_string(counts_.opened) + "; again " +
           std::to_string(counts_.opened_again) + "; pieces found " + std::to_string(counts_.found) +
           "; fetched " + std::to_string(counts_.fetched) + "; spoilt at first " +
           std::to_string(counts_.spoilt) + "; evicted of open torrents " + std::to_string(counts_.evicted) +
           "; uploads " + std::to_string(counts_.uploads) + "; restarts " + std::to_string(counts_.restarts) +
           "; most bytes " + std::to_string(counts_.most_bytes) + "\n";
}

}  // namespace btfs::year
