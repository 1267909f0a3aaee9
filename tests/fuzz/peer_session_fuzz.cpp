// Peer that sends any bytes, cut in any way, to a session that uses all features: requests and blocks both
// ways, metadata, peer exchange, time-outs, and pieces that become known late. The session must not write
// outside of the places given for blocks (ASan checks this), and its queues stay within their limits.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>

#include "engine/wire/peer_session.hpp"
#include "tests/fuzz/fuzz_input.hpp"

namespace {

using namespace btfs;
using fuzz::Input;
using fuzz::require;

struct Places final : wire::BlockPlaces {
    std::span<std::byte> place_of(const BlockRef& block) override {
        if (block.offset_in_piece % 32768 != 0) return {};  // only every other block has a place of its own
        auto& place = memory[block];
        if (place.empty()) place.resize(block.size);
        return place;
    }
    std::map<BlockRef, std::vector<std::byte>> memory;
};

constexpr std::uint32_t kPieceLength = 65536;
constexpr std::uint32_t kPieces = 9;
/// Bytes that our own commands, and one read of the peer, may add to the backlog at which reading stops.
constexpr std::size_t kSlack = 256 * 1024;

class World {
  public:
    explicit World(Input& input)
        : input_(input),
          flags_(input.byte()),
          have_(kPieces, (flags_ & 1) != 0),
          session_(config(), places_, now_) {
        if ((flags_ & 128) != 0) return;  // the input has the peer's handshake
        wire::Handshake hello;
        hello.capabilities = {
            .fast = (flags_ & 2) != 0, .extended = (flags_ & 4) != 0, .dht = true, .v2 = false};
        hello.info_hash = identity_.wire_hash();
        hello.peer_id.fill(std::byte{7});
        session_.handle_bytes(hello.encode(), now_);
        drain();
    }

    void run() {
        while (!input_.empty() && !failed_) {
            step(input_.byte());
            drain();
            check();
        }
        send(~std::size_t{0});
    }

  private:
    wire::PeerSession::Config config() {
        known_ = (flags_ & 8) == 0;
        return {.direction = (flags_ & 16) != 0 ? wire::Direction::incoming : wire::Direction::outgoing,
                .identity = identity_,
                .layout = known_ ? &layout_ : nullptr,
                .our_id = {},
                .remote = *Endpoint::parse("192.0.2.1:1"),
                .listen_port = 6881,
                .dht_port = 6881,
                .interested = true,
                .eager = (flags_ & 32) != 0,
                .have = have_,
                .metadata = known_ ? info_ : nullptr,
                .pex = (flags_ & 64) != 0,
                .holepunch = (flags_ & 64) != 0};
    }

    void step(std::uint8_t op) {
        const PieceIndex piece(op / 16u % kPieces);
        switch (op % 16) {
            case 0:
                return send(input_.byte() * 64u);
            case 1:
                now_ += std::chrono::seconds(input_.byte());
                if (now_ >= session_.next_timeout()) {
                    session_.handle_timeout(now_);
                    drain();
                    require(failed_ || session_.next_timeout() > now_);
                }
                return;
            case 2:
                if (!known_) session_.know_content(layout_, info_, now_);
                known_ = true;
                return;
            case 3:
                return session_.set_choking(op / 16 % 2 != 0);
            case 4:
                return session_.set_interested(op / 16 % 2 != 0);
            case 5:
                if (known_ && have_.set(piece)) session_.announce_have(piece);
                return;
            case 6:
                if (known_ && have_.clear(piece)) session_.announce_lost(piece);
                return;
            case 7:
                if (session_.control_backlog() < wire::PeerSession::kMaxControlBacklog)
                    session_.request_metadata(piece.value());
                return;
            case 8:
                if (session_.control_backlog() < wire::PeerSession::kMaxControlBacklog)
                    session_.send_pex({.added = {{*Endpoint::parse("192.0.2.7:7"), 0}}, .dropped = {}});
                return;
            case 9:
                return answer(true);
            case 10:
                return answer(false);
            case 11:
                return request(piece, op / 16u % 4u);
            case 12:
                return cancel();
            default:
                return receive(op % 16 == 13 ? 1 : input_.byte() * 16u + 1);
        }
    }

    void receive(std::size_t bite) {
        // Stops reading as PeerConnection does.
        if (session_.control_backlog() > wire::PeerSession::kMaxControlBacklog) return;
        while (bite > 0 && !input_.empty() && !failed_) {
            iovec buffers[40];
            const std::size_t count = session_.receive_buffers(buffers);
            require(count > 0);
            std::size_t placed = 0;
            for (std::size_t i = 0; i < count && bite > 0 && !input_.empty(); ++i) {
                const ByteView part = input_.view(std::min(buffers[i].iov_len, bite));
                std::memcpy(buffers[i].iov_base, part.data(), part.size());
                bite -= part.size();
                placed += part.size();
            }
            now_ += 1ms;
            session_.handle_received(placed, now_);
            drain();
        }
    }

    void request(PieceIndex piece, std::uint32_t n) {
        if (!known_ || !session_.may_request(piece) || session_.requests().size() >= session_.reqq()) return;
        const std::uint32_t offset = n * kBlockSize;
        if (offset >= layout_.piece_size(piece)) return;
        const BlockRef block{piece, offset, std::min(kBlockSize, layout_.piece_size(piece) - offset)};
        for (const auto& r : session_.requests())
            if (r.block == block && !r.cancelled) return;  // the dispatcher asks a peer once
        session_.request(block, now_);
    }
    void cancel() {
        for (const auto& r : session_.requests())
            if (!r.cancelled) return session_.cancel(BlockRef(r.block), now_);
    }
    void answer(bool with_content) {
        if (wanted_.empty()) return;
        const BlockRef block = *wanted_.begin();
        wanted_.erase(wanted_.begin());
        with_content&& have_.test(block.piece)
            ? session_.send_block(block, {ByteView(content_).first(block.size), nullptr})
            : session_.refuse_block(block);
    }
    void send(std::size_t size) {
        iovec buffers[64];
        while (size > 0) {
            const std::size_t count = session_.send_buffers(buffers);
            std::size_t total = 0;
            for (std::size_t i = 0; i < count; ++i) total += buffers[i].iov_len;
            total = std::min(total, size);
            if (total == 0) break;
            session_.handle_sent(total, now_);
            size -= total;
        }
    }

    void drain() {
        while (const auto event = session_.poll_event()) {
            require(!failed_);  // no event follows Failed
            failed_ = std::holds_alternative<wire::Failed>(*event);
            if (const auto* wanted = std::get_if<wire::BlockWanted>(&*event))
                require(wanted_.insert(wanted->block).second);
            if (const auto* gone = std::get_if<wire::BlockNotWanted>(&*event))
                require(wanted_.erase(gone->block) == 1);
            if (const auto* arrived = std::get_if<wire::BlockArrived>(&*event))
                require(arrived->data.empty() || arrived->data.size() == arrived->block.size);
        }
    }
    void check() {
        require(wanted_.size() <= wire::PeerSession::kOurReqq);
        require(session_.control_backlog() <=
                wire::PeerSession::kMaxControlBacklog + 2 * wire::MetadataServer::kMaxBacklog + kSlack);
        require(session_.requests().size() <= 4096);
        require(session_.allowed_fast().size() <= 256);
        if (session_.pieces()) require(session_.pieces()->size() == kPieces && !session_.is_seed());
    }

    Input& input_;
    const std::uint8_t flags_;
    const Identity identity_{.v1 = sha1(as_bytes("t")), .v2 = sha256(as_bytes("t"))};
    const Layout layout_{kPieceLength, {{0, kPieceLength* std::uint64_t{kPieces} - 5000, false}}};
    const std::shared_ptr<const Bytes> info_ = std::make_shared<const Bytes>(40'000);
    const Bytes content_ = Bytes(kBlockSize);
    Bitfield have_;
    bool known_ = false;
    bool failed_ = false;
    TimePoint now_ = TimePoint{} + 1h;
    Places places_;
    std::set<BlockRef> wanted_;
    wire::PeerSession session_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    World(input).run();
    return 0;
}
