#include "tests/sim/simulation.hpp"

#include <algorithm>
#include <numeric>

#include "fs/mounted_torrent.hpp"

namespace btfs::sim {
namespace {

FileList one_file(std::uint64_t size) {
    FileEntry file;
    file.path = "film";
    file.size = size;
    return {file};
}

}  // namespace

class Simulation::Reply final : public InterruptibleReply {
  public:
    Reply(Simulation& simulation, std::size_t size, std::function<void(Duration)> done)
        : simulation_(simulation), size_(size), done_(std::move(done)), begun_(simulation.events_.now()) {}

    void watch_interrupts(ReadId) override {}
    void data(std::span<const iovec> bytes) override {
        const auto size =
            std::accumulate(bytes.begin(), bytes.end(), std::size_t{0},
                            [](std::size_t sum, const iovec& part) { return sum + part.iov_len; });
        if (size != size_) simulation_.invariants_->report("a read was answered short");
        end();
    }
    void fail(Error error) override {
        simulation_.invariants_->report("a read failed: " + error.message());
        end();
    }

  private:
    void end() {
        if (answered_) simulation_.invariants_->report("a read was answered twice");
        answered_ = true;
        // Posted: the reader continues after the answer, not inside the call that answers.
        simulation_.events_.after({},
                                  [done = done_, took = simulation_.events_.now() - begun_] { done(took); });
    }

    Simulation& simulation_;
    const std::size_t size_;
    const std::function<void(Duration)> done_;
    const TimePoint begun_;
    bool answered_ = false;
};

Simulation::Simulation(const SwarmOptions& options, std::uint64_t seed)
    : network_(events_, seed * 31 + 7),
      layout_(options.piece_length, {{0, options.size, false}}),
      read_path_([this] { return events_.now(); }, process_),
      started_(events_.now()) {
    identity_.v1 = sha1(as_bytes("a torrent"));
    const RemotePeer::Context context{events_, network_, identity_, layout_};
    client_ = std::make_unique<Client>(context, nodes_, options.client, seed, [this] {
        if (invariants_) invariants_->check();
    });
    invariants_ = std::make_unique<Invariants>(*client_, events_, layout_, options.client.store.memory);
    events_.after(options.client_joins_at, [this] { client_->listen(); });
    make_peers(options, context);
    if (options.nothing_is_lost) give_what_is_lost(Rng(seed));
    const FileList files = one_file(options.size);
    torrent_ = std::make_shared<const MountedTorrent>(
        TorrentContent{*identity_.v1, files, client_->store(), *client_, 0}, inodes_);
}

void Simulation::make_peers(const SwarmOptions& options, const RemotePeer::Context& context) {
    std::vector<RemotePeer*> traders;
    for (const PeerOptions& peer : options.peers) {
        peers_.push_back(std::make_unique<RemotePeer>(context, peer, peers_.size() + 1, client_.get()));
        nodes_.add(*peers_.back());
        if (peer.choking != Choking::none) traders.push_back(peers_.back().get());
        if (peer.calls_every > Duration{}) continue;
        const Endpoint endpoint = peers_.back()->endpoint();
        events_.after(std::max(peer.joins_at, options.client_joins_at), [this, endpoint] {
            client_->introduce({&endpoint, 1});
        });
    }
    for (RemotePeer* trader : traders) {
        std::vector<Node*> others(traders.begin(), traders.end());
        std::erase(others, trader);
        trader->meet(std::move(others));
    }
}

void Simulation::give_what_is_lost(Rng rng) {
    std::vector<RemotePeer*> honest;
    for (const auto& peer : peers_)
        if (peer->honest()) honest.push_back(peer.get());
    for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
        const bool is_there =
            std::ranges::any_of(honest, [&](auto* peer) { return peer->has(PieceIndex(i)); });
        if (!is_there) honest[rng.below(honest.size())]->give(PieceIndex(i));
    }
}

Simulation::~Simulation() {
    client_->store().close(Errc::cancelled);
    events_.clear();
}

void Simulation::read(OpenFile& file, ByteRange range, std::function<void(Duration)> done) {
    read_path_.read(file, {.range_in_file = range, .thread = Process::kThread},
                    std::make_unique<Reply>(*this, range.size(), std::move(done)));
}

void Simulation::end_reader_of(OpenFile& file) {
    process_.has_ended = true;
    read_path_.flush(file, Process::kThread);
    process_.has_ended = false;
}

bool Simulation::run_until(const std::function<bool()>& condition, Duration limit) {
    const TimePoint end = events_.now() + limit;
    while (!condition())
        if (!events_.step(end)) return condition();
    return true;
}

void Simulation::run_for(Duration time) {
    run_until([] { return false; }, time);
}

void Simulation::report_waits(const std::string& what) {
    std::string text = what + ":";
    for (PieceIndex piece : client_->store().awaited()) {
        constexpr const char* kStates[] = {"missing", "receiving", "verifying", "had"};
        const PartialPiece* partial = client_->partial(piece);
        text += " piece " + std::to_string(piece.value()) + " is " +
                kStates[static_cast<int>(client_->torrent().picker().state(piece))];
        if (!partial) continue;
        text += " (" + std::to_string(partial->free_count()) + " free, " +
                std::to_string(partial->asked_count()) + " asked)";
    }
    invariants_->report(text);
}

double Simulation::capacity() const {
    double sum = 0;
    for (const auto& peer : peers_)
        if (peer->honest() && peer->serves()) sum += peer->host().link.up;
    return std::min(sum, client_->host().link.down);
}

std::optional<Duration> Simulation::limit(ByteRange range) const {
    double missing = 0;
    std::vector<const RemotePeer*> useful;
    for (std::uint64_t at = range.begin; at < range.end;) {
        const PieceIndex piece = layout_.piece_at(at);
        at = layout_.piece_range(piece).end;
        if (client_->store().had().test(piece)) continue;
        const PartialPiece* partial = client_->partial(piece);
        const std::uint32_t here = partial ? partial->received_count() : 0;
        missing += layout_.piece_size(piece) -
                   std::min<double>(layout_.piece_size(piece), static_cast<double>(here) * kBlockSize);
        bool anybody = false;
        for (const auto& peer : peers_) {
            if (!peer->honest() || !peer->serves() || !peer->has(piece)) continue;
            anybody = true;
            if (std::ranges::find(useful, peer.get()) == useful.end()) useful.push_back(peer.get());
        }
        if (!anybody) return std::nullopt;
    }
    if (missing == 0) return Duration{};
    double least = 0, most = 1e5;
    const auto brought_in = [&](double time) {
        double sum = 0, nearest = 1e9;
        for (const RemotePeer* peer : useful) {
            const double round_trip = seconds(Network::round_trip(client_->host(), peer->host()));
            nearest = std::min(nearest, round_trip);
            sum += std::max(0.0, time - round_trip) * peer->host().link.up;
        }
        return std::min(sum, std::max(0.0, time - nearest) * client_->host().link.down);
    };
    for (int i = 0; i < 60; ++i) {
        const double middle = (least + most) / 2;
        (brought_in(middle) < missing ? least : most) = middle;
    }
    return from_seconds(most);
}

}  // namespace btfs::sim
