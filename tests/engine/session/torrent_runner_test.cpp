#include "engine/session/torrent_runner.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "tests/support/memory_storage.hpp"
#include "tests/support/torrent_files.hpp"

namespace btfs {
namespace {

/// Has everything until it is first asked, and loses its first piece right afterwards.
class LosingStorage final : public Storage {
  public:
    explicit LosingStorage(std::uint32_t piece_count) : had_(piece_count, true) {}

    void attach(StorageEvents& events) override { events_ = &events; }
    void detach() override { events_ = nullptr; }
    Bitfield available() const override {
        const Bitfield had = had_;
        if (had_.test(PieceIndex(0))) {
            had_.clear(PieceIndex(0));
            if (events_) events_->on_lost(PieceIndex(0));
        }
        return had;
    }
    Bitfield unproven() const override { return Bitfield(had_.size()); }
    PieceBufferPtr acquire(PieceIndex, Urgency) override { return nullptr; }
    void verify(PieceIndex, PieceBufferPtr, bool) override {}
    void read(ReadTicket, BlockRef) override {}

  private:
    mutable Bitfield had_;
    StorageEvents* events_ = nullptr;
};

TEST(TorrentRunner, APieceThatIsLostWhileItsContentIsTakenUpIsMissing) {
    const Layout layout = test::layout_of(test::file_list({{"film", 4 * kBlockSize}}), kBlockSize);
    LosingStorage storage(layout.piece_count());
    boost::asio::io_context io;
    net::SocketFactory sockets(io);
    net::Dialer dialer(sockets);
    TorrentSpec spec;
    spec.name = "film";
    spec.identity.v1 = sha1({});
    spec.content.emplace(KnownContent{layout, storage});
    TorrentRunner runner(io, dialer, 0, std::move(spec), {}, 1);
    io.poll();
    EXPECT_EQ(runner.totals().left, kBlockSize);
    runner.close();
}

}  // namespace
}  // namespace btfs
