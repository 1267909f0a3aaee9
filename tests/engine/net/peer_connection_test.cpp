#include "engine/net/peer_connection.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>

#include "engine/wire/metadata_message.hpp"
#include "tests/support/memory_storage.hpp"

namespace btfs::net {
namespace {

constexpr std::uint32_t kPiece = 64 * 1024;

/// Stream whose other end is the test: each read takes one item of `arriving`, and writes succeed while there
/// is room.
class FakeStream final : public Stream {
  public:
    struct Peer {
        std::deque<Bytes> arriving;
        std::size_t room = 0;
        std::size_t taken = 0;
        std::size_t reads = 0;
        bool broken = false;
        Ready readable, writable;

        /// Ends waits until none can end.
        void run() {
            for (;;) {
                if (readable && (broken || !arriving.empty())) {
                    std::exchange(readable, nullptr)(Error{});
                } else if (writable && (broken || room > 0)) {
                    std::exchange(writable, nullptr)(Error{});
                } else {
                    return;
                }
            }
        }
    };
    explicit FakeStream(Peer& peer) : peer_(peer) {}

    Result<std::size_t> read(std::span<const iovec> into) override {
        ++peer_.reads;
        if (peer_.broken) return Errc::connection_closed;
        if (peer_.arriving.empty()) return std::size_t{0};
        Bytes& next = peer_.arriving.front();
        std::size_t done = 0;
        for (const iovec& part : into) {
            const std::size_t here = std::min(part.iov_len, next.size() - done);
            std::memcpy(part.iov_base, next.data() + done, here);
            done += here;
        }
        next.erase(next.begin(), next.begin() + static_cast<std::ptrdiff_t>(done));
        if (next.empty()) peer_.arriving.pop_front();
        return done;
    }
    Result<std::size_t> write(std::span<const iovec> from) override {
        if (peer_.broken) return Errc::connection_closed;
        std::size_t done = 0;
        for (const iovec& part : from) done += std::min(part.iov_len, peer_.room - done);
        peer_.room -= done;
        peer_.taken += done;
        return done;
    }
    void set_receive_low_water(std::size_t) override {}
    void acknowledge_soon() override {}
    std::optional<RoundTrip> round_trip() override { return std::nullopt; }
    void wait_readable(Ready ready) override { peer_.readable = std::move(ready); }
    void wait_writable(Ready ready) override { peer_.writable = std::move(ready); }
    const Endpoint& remote() const override { return remote_; }
    Address local() const override { return {}; }

  private:
    Peer& peer_;
    Endpoint remote_ = *Endpoint::parse("192.0.2.1:6881");
};

/// Torrent that serves its info dictionary, and a peer that asks for it.
struct World {
    World() : torrent(identity, {}, 1, Clock::now()) {
        torrent.know_content(layout, storage, std::make_shared<const Bytes>(40'000), Clock::now());
        id = torrent.handle_connected(stream_end.remote(), {wire::Direction::incoming}, Clock::now());
        connection = std::make_unique<PeerConnection>(torrent, id, std::make_unique<FakeStream>(peer),
                                                      [this] { carry_out(); });
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true};
        hello.info_hash = identity.wire_hash();
        hello.peer_id.fill(std::byte{9});
        const auto raw = hello.encode();
        peer.arriving.emplace_back(raw.begin(), raw.end());
        Bytes extensions;
        wire::ExtendedHandshake said;
        said.metadata_id = 3;
        const Bytes payload = said.encode();
        wire::append_message(extensions, wire::Extended{wire::kExtendedHandshakeId, payload});
        peer.arriving.push_back(extensions);
        connection->start();
    }
    void carry_out() {
        while (auto action = torrent.poll_action()) {
            if (std::holds_alternative<Send>(*action) && connection) connection->flush();
            if (std::holds_alternative<Disconnect>(*action)) connection.reset();
        }
        if (!torrent.session(id)) connection.reset();
    }
    void asks(int times) {
        const Bytes request = encode(wire::MetadataRequest{0});
        Bytes message;
        wire::append_message(message, wire::Extended{wire::kMetadataId, request});
        for (int i = 0; i < times; ++i) peer.arriving.push_back(message);
    }

    Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    const Layout layout{kPiece, {{0, kPiece, false}}};
    const std::vector<std::byte> content = testing::make_content(kPiece);
    testing::MemoryStorage storage{layout, content, true, [](std::function<void()>) {}};
    FakeStream::Peer unused, peer;
    FakeStream stream_end{unused};
    Torrent torrent;
    ConnectionId id = kNobody;
    std::unique_ptr<PeerConnection> connection;
};

TEST(PeerConnection, ReadsNothingMoreOfAPeerThatDoesNotTakeItsAnswers) {
    World w;
    w.asks(200);
    w.peer.run();
    const std::size_t unread = w.peer.arriving.size();
    EXPECT_GT(unread, 150u);
    EXPECT_LE(w.torrent.session(w.id)->control_backlog(),
              wire::PeerSession::kMaxControlBacklog + 3 * wire::kMetadataPieceSize);
    EXPECT_FALSE(w.peer.readable) << "it is not waited for either";
}

TEST(PeerConnection, ReadsOnWhenTheAnswersAreTaken) {
    World w;
    w.asks(200);
    w.peer.run();
    ASSERT_FALSE(w.peer.arriving.empty());
    w.peer.room = 32 * 1024;
    w.peer.run();
    EXPECT_FALSE(w.peer.readable) << "a little is not enough";
    w.peer.room = 16 << 20;
    w.peer.run();
    EXPECT_TRUE(w.peer.arriving.empty());
    EXPECT_FALSE(w.torrent.session(w.id)->has_output());
    EXPECT_GT(w.peer.taken, 200 * wire::kMetadataPieceSize) << "all are answered with a piece";
    EXPECT_TRUE(w.peer.readable);
}

TEST(PeerConnection, NoticesThatThePeerHasGoneWhileItDoesNotRead) {
    World w;
    w.asks(200);
    w.peer.run();
    ASSERT_FALSE(w.peer.readable);
    w.peer.broken = true;
    w.peer.run();
    EXPECT_FALSE(w.torrent.session(w.id));
    EXPECT_FALSE(w.connection);
}

TEST(PeerConnection, GivesOthersTheirTurnAfterTwoReads) {
    World w;
    w.peer.run();
    Bytes much(128 * 1024);  // keep-alives
    for (int i = 0; i < 4; ++i) w.peer.arriving.push_back(much);
    const std::size_t before = w.peer.reads;
    std::exchange(w.peer.readable, nullptr)(Error{});
    EXPECT_LE(w.peer.reads, before + 2);
}

}  // namespace
}  // namespace btfs::net
