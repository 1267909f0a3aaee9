// Whole torrent in virtual time: several peers that send anything, a reader, and a store that loses pieces.
// After each step the pieces, requests and availability agree with each other, and queues are within their
// limits.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>

#include "engine/swarm/torrent.hpp"
#include "engine/wire/metadata_message.hpp"
#include "tests/fuzz/fuzz_input.hpp"
#include "tests/support/memory_storage.hpp"

namespace {

using namespace btfs;
using fuzz::Input;
using fuzz::require;

constexpr std::uint32_t kPieceLength = 2 * kBlockSize;
constexpr std::uint32_t kPieces = 9;
constexpr std::uint64_t kSize = kPieces * std::uint64_t{kPieceLength} - 5000;
constexpr std::size_t kMaxPeers = 6;
/// Bytes that one step of the input adds to a backlog at which reading stops.
constexpr std::size_t kSlack = 256 * 1024;

class World {
  public:
    World(Input& input, const std::vector<std::byte>& content)
        : input_(input),
          content_(content),
          flags_(input.byte()),
          storage_(layout_, content_, (flags_ & 1) != 0,
                   [this](std::function<void()> f) { later_.push_back(std::move(f)); }),
          torrent_(identity_, options(), 1, now_) {
        storage_.attach(events_);
        storage_.max_pieces = (flags_ & 2) != 0 ? 2 : 100;
        if ((flags_ & 4) == 0) know();
    }

    void run() {
        for (int steps = 0; !input_.empty() && steps < 4000; ++steps) {
            step(input_.byte());
            settle();
            check();
        }
        while (!peers_.empty()) {
            torrent_.handle_closed(peers_.begin()->first, now_);
            settle();
        }
        for (std::uint32_t i = 0; known_ && i < kPieces; ++i)
            require(torrent_.picker().availability(PieceIndex(i)) == 0);
        storage_.detach();
    }

  private:
    struct Events final : StorageEvents {
        explicit Events(World& w) : world(w) {}
        void on_verified(PieceIndex piece, std::vector<Sha1Digest> digests) override {
            world.torrent_.handle_verified(piece, digests, world.now_);
        }
        void on_mismatch(PieceIndex piece, PieceBufferPtr, std::vector<Sha1Digest> digests) override {
            world.torrent_.handle_mismatch(piece, digests, world.now_);
        }
        void on_lost(PieceIndex piece) override { world.torrent_.handle_lost(piece, world.now_); }
        void on_evicted(const std::vector<PieceIndex>& pieces) override {
            world.torrent_.handle_evicted(pieces, world.now_);
        }
        void on_credit() override { world.torrent_.handle_credit(world.now_); }
        void on_read(ReadTicket ticket, Result<ContentView> content) override {
            world.torrent_.handle_read(ticket, content, world.now_);
        }
        World& world;
    };

    TorrentOptions options() {
        return {.peer_id = {},
                .ports = {6881, 6881},
                .max_peers = kMaxPeers,
                .super_seed = (flags_ & 32) != 0,
                .background = (flags_ & 8) != 0,
                .pex = (flags_ & 16) != 0,
                .utp = true,
                .upload_slots = &slots_};
    }
    void know() {
        known_ = true;
        torrent_.know_content(layout_, storage_, info_, now_);
    }

    void step(std::uint8_t op) {
        const std::uint8_t detail = op / 16;
        switch (op % 16) {
            case 0:
                return connect(detail);
            case 1:
                if (ConnectionId id = some_peer(detail)) torrent_.handle_closed(id, now_);
                return;
            case 2:
                return pass(input_.byte() * 20ms);
            case 3:
                return pass(input_.byte() * 1s);
            case 4:
                if (!known_) know();
                return;
            case 5:
                if (known_) {
                    const std::uint64_t at = input_.byte() * kSize / 256;
                    torrent_.set_reader(
                        detail % 3,
                        {.blocked = {{at, at + 1}}, .window = {at, std::min(kSize, at + 100'000)}}, now_);
                }
                return;
            case 6:
                if (known_) torrent_.drop_reader(detail % 3, now_);
                return;
            case 7:
                if (known_ && storage_.had().test(piece(detail))) storage_.lose(piece(detail));
                return;
            case 8: {
                const Endpoint endpoint = endpoint_of(input_.byte());
                return torrent_.handle_candidates({&endpoint, 1}, static_cast<PeerSource>(detail % 6), now_);
            }
            case 9:
                return deliver(some_peer(detail), true);
            case 10:
                return deliver(some_peer(detail), false);
            case 11:
                reads_.erase(some_peer(detail));  // lets a peer read, or stop reading
                if (detail % 2 == 0) reads_.insert({some_peer(detail), true});
                return;
            case 12:
                return receive(some_peer(detail), input_.view(input_.byte()));
            case 13:
                return storage_.set_room(detail % 2 == 0);
            default:
                return say(some_peer(detail), input_.byte());
        }
    }

    static Endpoint endpoint_of(std::uint8_t n) {
        return *Endpoint::parse("10.0.0." + std::to_string(n % 16 + 1) + ":" + std::to_string(6881 + n / 16));
    }
    static PieceIndex piece(std::uint32_t n) { return PieceIndex(n % kPieces); }
    ConnectionId some_peer(std::uint8_t n) const {
        if (peers_.empty()) return kNobody;
        auto found = peers_.begin();
        std::advance(found, n % peers_.size());
        return found->first;
    }

    void connect(std::uint8_t detail) {
        if (detail % 2 == 0 && dials_.empty()) return;
        const bool outgoing = detail % 2 == 0;
        Endpoint endpoint = endpoint_of(input_.byte());
        bool punched = false;
        if (outgoing) {
            endpoint = dials_.front().endpoint;
            punched = dials_.front().punch;
            dials_.pop_front();
            if (detail % 8 == 2) {
                const bool refused = (detail & 16) != 0;
                return torrent_.handle_dial_failed(
                    endpoint, refused ? Errc::encryption_refused : Errc::timed_out, now_, punched);
            }
        }
        const ConnectionId id =
            torrent_.handle_connected(endpoint,
                                      {outgoing ? wire::Direction::outgoing : wire::Direction::incoming, 20ms,
                                       (detail & 32) != 0, detail % 4 < 2, punched},
                                      now_);
        if (id == kNobody) return;
        peers_[id] = true;
        reads_[id] = true;
        wire::Handshake hello;
        hello.capabilities = {.fast = detail % 4 < 2, .extended = true, .dht = true, .v2 = false};
        hello.info_hash = identity_.wire_hash();
        hello.peer_id.fill(static_cast<std::byte>(1 + (detail < 14 ? id : 0)));  // some have a copied id
        const auto raw = hello.encode();
        receive(id, raw);
    }

    void pass(Duration time) {
        const TimePoint end = now_ + time;
        int at_once = 0;
        for (int wakes = 0; torrent_.next_timeout() <= end && wakes < 300; ++wakes) {
            at_once = torrent_.next_timeout() <= now_ ? at_once + 1 : 0;
            require(at_once < 100);  // the torrent must not spin
            now_ = std::max(now_, torrent_.next_timeout());
            torrent_.handle_timeout(now_);
            settle();
        }
        now_ = std::max(now_, end);
    }

    /// Hands bytes over as a PeerConnection does.
    void receive(ConnectionId id, ByteView bytes) {
        std::size_t at = 0;
        while (at < bytes.size()) {
            wire::PeerSession* session = torrent_.session(id);
            if (!session || session->control_backlog() > wire::PeerSession::kMaxControlBacklog) return;
            std::array<iovec, 40> buffers;
            const std::size_t count = session->receive_buffers(buffers);
            std::size_t placed = 0;
            for (std::size_t i = 0; i < count && at < bytes.size(); ++i) {
                const std::size_t here = std::min(buffers[i].iov_len, bytes.size() - at);
                std::memcpy(buffers[i].iov_base, bytes.data() + at, here);
                at += here;
                placed += here;
            }
            torrent_.handle_received(id, placed, now_);
            settle();
        }
    }

    /// Lets the peer answer its oldest request, with right or wrong bytes.
    void deliver(ConnectionId id, bool right) {
        wire::PeerSession* session = id == kNobody ? nullptr : torrent_.session(id);
        if (!session || session->requests().empty()) return;
        const BlockRef block = session->requests().front().block;
        const std::size_t offset = block.piece.value() * std::size_t{kPieceLength} + block.offset_in_piece;
        Bytes bytes(wire::kPieceHeaderSize);
        wire::write_piece_header(
            std::span<std::byte, wire::kPieceHeaderSize>(bytes.data(), wire::kPieceHeaderSize), block);
        bytes.insert(bytes.end(), content_.begin() + static_cast<std::ptrdiff_t>(offset),
                     content_.begin() + static_cast<std::ptrdiff_t>(offset + block.size));
        if (!right) bytes.back() ^= std::byte{1};
        receive(id, bytes);
    }

    void say(ConnectionId id, std::uint8_t what) {
        if (id == kNobody) return;
        Bytes out;
        const std::uint8_t detail = what / 32;
        const BlockRef block{piece(input_.byte()), detail % 2 * kBlockSize, 1000};
        const auto extended = [&](std::uint8_t to, const Bytes& payload) {
            append_message(out, wire::Extended{to, payload});
        };
        switch (what % 32) {
            case 0:
                append_message(out, wire::Choke{});
                break;
            case 1:
                append_message(out, wire::Unchoke{});
                break;
            case 2:
                append_message(out, wire::Interested{});
                break;
            case 3:
                append_message(out, wire::NotInterested{});
                break;
            case 4:
                append_message(out, wire::Have{block.piece});
                break;
            case 5:
                append_message(out, wire::HaveAll{});
                break;
            case 6:
                append_message(out, wire::HaveNone{});
                break;
            case 7: {
                const Bytes raw{static_cast<std::byte>(input_.byte()), static_cast<std::byte>(input_.byte())};
                append_message(out, wire::BitfieldMessage{raw});
                break;
            }
            case 8:
                append_message(out, wire::Request{block});
                break;
            case 9:
                append_message(out, wire::Cancel{block});
                break;
            case 10:
                extended(wire::kDontHaveId, wire::encode_dont_have(block.piece));
                break;
            case 11:
                append_message(out, wire::AllowedFast{block.piece});
                break;
            case 12:
                extended(wire::kPexId,
                         wire::PexMessage{.added = {{endpoint_of(detail), 2}, {endpoint_of(detail + 8), 8}},
                                          .dropped = {}}
                             .encode());
                break;
            case 13:
                extended(wire::kMetadataId, encode(wire::MetadataRequest{detail}));
                break;
            case 14:
                extended(wire::kMetadataId, encode(wire::MetadataReject{detail}));
                break;
            case 15:
                extended(wire::kMetadataId,
                         encode(wire::MetadataData{0, static_cast<std::uint32_t>(info_->size()), *info_}));
                break;
            case 16: {
                wire::ExtendedHandshake hello;
                hello.dont_have_id = 7;
                hello.metadata_id = 8;
                hello.pex_id = 9;
                hello.holepunch_id = 10;
                hello.metadata_size = detail == 0 ? 77 : static_cast<std::uint32_t>(info_->size());
                hello.listen_port = static_cast<std::uint16_t>(6881 + detail);
                hello.your_address = Address::parse("203.0.113.1");
                hello.reqq = detail;
                extended(wire::kExtendedHandshakeId, hello.encode());
                break;
            }
            case 17:
            case 18: {  // the peer rejects its requests
                wire::PeerSession* session = torrent_.session(id);
                if (!session || session->requests().empty()) return;
                append_message(out, wire::RejectRequest{session->requests().front().block});
                break;
            }
            case 19:
                append_message(out, wire::Port{detail});
                break;
            case 20:
                for (int i = 0; i < 40; ++i) {
                    append_message(out, wire::Request{{block.piece, static_cast<std::uint32_t>(i), 1}});
                    append_message(out, wire::Cancel{{block.piece, static_cast<std::uint32_t>(i), 1}});
                }
                break;
            case 21:
            case 22:
                extended(wire::kHolepunchId,
                         wire::HolepunchMessage{.type = static_cast<wire::HolepunchMessage::Type>(detail % 3),
                                                .endpoint = endpoint_of(input_.byte())}
                             .encode());
                break;
            default:
                append_message(out, wire::KeepAlive{});
                break;
        }
        receive(id, out);
    }

    /// Does what the connections and the store do after each input.
    void settle() {
        for (;;) {
            while (auto action = torrent_.poll_action()) {
                if (const auto* dial = std::get_if<Dial>(&*action)) dials_.push_back(*dial);
                if (const auto* gone = std::get_if<Disconnect>(&*action)) peers_.erase(gone->connection);
                if (const auto* send = std::get_if<Send>(&*action); send && reads_.contains(send->connection))
                    flush(send->connection);
                if (std::holds_alternative<MetadataFetched>(*action) && !known_) know();
            }
            std::erase_if(peers_, [&](const auto& p) { return torrent_.session(p.first) == nullptr; });
            if (later_.empty()) return;
            const auto event = std::move(later_.front());
            later_.pop_front();
            event();
        }
    }
    void flush(ConnectionId id) {
        std::array<iovec, 32> buffers;
        while (wire::PeerSession* session = torrent_.session(id)) {
            std::size_t size = 0;
            for (std::size_t i = 0, count = session->send_buffers(buffers); i < count; ++i)
                size += buffers[i].iov_len;
            if (size == 0) return;
            torrent_.handle_sent(id, size, now_);
        }
    }

    void check() {
        require(peers_.size() <= kMaxPeers);
        require(dials_.size() <= 64);
        std::array<std::uint32_t, kPieces> have{};
        for (const auto& [id, unused] : peers_) {
            const wire::PeerSession* session = torrent_.session(id);
            require(session->requests().size() <= session->reqq() || session->requests().size() <= 4096);
            require(session->control_backlog() <=
                    wire::PeerSession::kMaxControlBacklog + 2 * wire::MetadataServer::kMaxBacklog + kSlack);
            require(session->upload_backlog() <= 1024 * 1024);
            for (std::uint32_t i = 0; known_ && i < kPieces; ++i) have[i] += session->has(PieceIndex(i));
        }
        if (!known_) return;
        const Picker& picker = torrent_.picker();
        for (std::uint32_t i = 0; i < kPieces; ++i) require(picker.availability(PieceIndex(i)) == have[i]);
        for (const auto& [piece, partial] : picker.partials()) {
            require(!partial->complete());
            for (std::uint32_t block = 0; block < partial->block_count(); ++block)
                for (const Asker& asker : partial->askers(block)) {
                    const wire::PeerSession* session = torrent_.session(asker.peer);
                    require(session != nullptr);
                    const BlockRef& asked = partial->payload(block);
                    require(std::ranges::any_of(session->requests(), [&](const wire::RequestInFlight& r) {
                        return !r.cancelled && r.block == asked;
                    }));
                }
        }
    }

    Input& input_;
    const std::vector<std::byte>& content_;
    const std::uint8_t flags_;
    UploadSlots slots_{2};
    const std::shared_ptr<const Bytes> info_ =
        std::make_shared<const Bytes>(as_bytes("d4:name1:te").begin(), as_bytes("d4:name1:te").end());
    const Identity identity_{.v1 = sha1(*info_), .v2 = {}};
    const Layout layout_{kPieceLength, {{0, kSize, false}}};
    std::deque<std::function<void()>> later_;
    TimePoint now_ = TimePoint{} + 1h;
    Events events_{*this};
    testing::MemoryStorage storage_;
    Torrent torrent_;
    bool known_ = false;
    std::map<ConnectionId, bool> peers_;
    std::map<ConnectionId, bool> reads_;  ///< peers that read what they are sent
    std::deque<Dial> dials_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<std::byte> content = testing::make_content(kSize);
    Input input(data, size);
    World(input, content).run();
    return 0;
}
