// A store in memory, for tests of the engine: content that is known, and pieces that are had or not.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/core/layout.hpp"
#include "engine/core/rng.hpp"
#include "engine/storage.hpp"

namespace btfs::testing {

/// Repeatable content.
inline std::vector<std::byte> make_content(std::size_t size, std::uint64_t seed = 1) {
    std::vector<std::byte> content(size);
    Rng rng(seed);
    rng.fill(content);
    return content;
}

/// Verifies against the true content. Events are handed to `later`, which calls them outside of Storage's own
/// calls, as the interface promises.
class MemoryStorage final : public Storage {
  public:
    using Later = std::function<void(std::function<void()>)>;

    MemoryStorage(const Layout& layout, const std::vector<std::byte>& truth, bool full, Later later)
        : pinned(layout.piece_count()),
          layout_(layout),
          truth_(truth),
          had_(layout.piece_count(), full),
          later_(std::move(later)) {}

    void attach(StorageEvents& events) override { events_ = &events; }
    void detach() override { events_ = nullptr; }
    Bitfield available() const override { return had_; }
    Bitfield unproven() const override { return Bitfield(layout_.piece_count()); }

    void prove_unproven() override { ++asked_to_prove; }
    void set_rare(Bitfield pieces) override { rare = std::move(pieces); }

    PieceBufferPtr acquire(PieceIndex piece, Urgency urgency) override {
        if (held_ >= max_pieces) return nullptr;
        if (urgency == Urgency::background && !takes_background && !pinned.test(piece)) return nullptr;
        ++held_;
        return std::make_shared<Buffer>(*this, layout_.piece_size(piece));
    }

    void verify(PieceIndex piece, PieceBufferPtr buffer, bool) override {
        const auto bytes = buffer->bytes();
        std::vector<Sha1Digest> digests;
        for (std::size_t at = 0; at < bytes.size(); at += kBlockSize)
            digests.push_back(sha1(bytes.subspan(at, std::min<std::size_t>(kBlockSize, bytes.size() - at))));
        const bool good =
            std::equal(bytes.begin(), bytes.end(),
                       truth_.begin() + static_cast<std::ptrdiff_t>(layout_.piece_offset_in_torrent(piece)));
        good ? ++verified : ++mismatched;
        if (good) had_.set(piece);
        later_([this, piece, good, digests = std::move(digests), buffer] {
            if (!events_) return;
            good ? events_->on_verified(piece, digests) : events_->on_mismatch(piece, buffer, digests);
        });
    }

    void read(ReadTicket ticket, BlockRef range) override {
        later_([this, ticket, range] {
            if (!events_) return;
            const std::size_t at = layout_.piece_offset_in_torrent(range.piece) + range.offset_in_piece;
            events_->on_read(ticket, ContentView{ByteView(truth_).subspan(at, range.size), nullptr});
        });
    }

    /// As after a failed write.
    void lose(PieceIndex piece) {
        had_.clear(piece);
        later_([this, piece] { events_->on_lost(piece); });
    }

    /// As what another client has downloaded.
    void find(PieceIndex piece) {
        had_.set(piece);
        later_([this, piece] { events_->on_verified(piece, {}); });
    }
    /// To make room.
    void evict(const std::vector<PieceIndex>& pieces) {
        for (const PieceIndex piece : pieces) had_.clear(piece);
        later_([this, pieces] { events_->on_evicted(pieces); });
    }
    /// A read waits for space that begun pieces hold.
    void run_short() {
        later_([this] { events_->on_shortage(); });
    }
    /// Pieces that are being received.
    std::size_t held() const { return held_; }
    bool lasts(PieceIndex) const override { return lasting; }
    bool lasting = true;
    bool takes_background = true;
    Bitfield pinned;  ///< taken nevertheless
    Bitfield rare;    ///< as it was said last
    int asked_to_prove = 0;

    const Bitfield& had() const { return had_; }

    /// Whether buffers have room for more blocks.
    void set_room(bool room) {
        has_room_ = room;
        if (room) later_([this] { events_->on_credit(); });
    }

    std::size_t max_pieces = 1000;
    std::size_t verified = 0;
    std::size_t mismatched = 0;

  private:
    class Buffer final : public PieceBuffer {
      public:
        Buffer(MemoryStorage& storage, std::size_t size) : storage_(storage), bytes_(size) {}
        ~Buffer() override {
            if (storage_.held_-- == storage_.max_pieces)
                storage_.later_([&s = storage_] {
                    if (s.events_) s.events_->on_credit();
                });
        }
        std::span<std::byte> bytes() override { return bytes_; }
        bool has_room() override { return storage_.has_room_; }

      private:
        MemoryStorage& storage_;
        std::vector<std::byte> bytes_;
    };

    const Layout& layout_;
    const std::vector<std::byte>& truth_;
    Bitfield had_;
    Later later_;
    StorageEvents* events_ = nullptr;
    std::size_t held_ = 0;
    bool has_room_ = true;
};

}  // namespace btfs::testing
