// How many peers the whole process uploads to at a time, and each torrent's share of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/core/time.hpp"

namespace btfs {

/// Upload slots of all torrents together: as many as the uplink, as it was measured, feeds well. Torrents
/// whose peers want some share them evenly, those with readers first; where there are fewer than torrents,
/// they go from one to the next with each window. On the engine thread.
///
/// The number is the root of 0.03 x the uplink in KB/s, so that a fast uplink feeds more peers and each of
/// them more: 6 at 10 Mbit/s, 61 at 1 Gbit/s. Few slots pass a piece on sooner than many: a piece is of use
/// to others once it is whole. Where the peers are too slow to fill the uplink, one slot more is tried at a
/// time, and kept if more leaves.
class UploadSlots {
  public:
    static constexpr std::size_t kLeast = 4;
    static constexpr std::size_t kMost = 100;
    /// Before anything was measured.
    static constexpr std::size_t kAtFirst = 8;
    /// At least, while a torrent trades: each peer that it feeds may feed it.
    static constexpr std::size_t kToTrade = 20;
    /// Time over which the upload rate is measured.
    static constexpr Duration kWindow = std::chrono::seconds(10);
    /// Of the slots, one in so many is kept for torrents without readers, if their peers want it.
    static constexpr std::size_t kOthersShare = 4;

    /// One torrent's side; ends its share when it goes. The slots outlive it.
    class Share {
      public:
        explicit Share(UploadSlots& slots) : slots_(slots) {}
        ~Share() { std::erase(slots_.members_, this); }
        Share(const Share&) = delete;
        Share& operator=(const Share&) = delete;

        /// So many of the torrent's peers would take a slot.
        void want(std::size_t peers, bool has_readers);
        /// The torrent uploads for a reader that starves among leechers.
        void set_trades(bool trades) { trades_ = trades; }
        /// How many of them may have one now.
        std::size_t allowed() const;

      private:
        friend class UploadSlots;
        UploadSlots& slots_;
        std::size_t wanted_ = 0;
        bool has_readers_ = false;
        bool trades_ = false;
    };

    /// `fixed`: so many, whatever is measured; 0: none at all.
    UploadSlots() = default;
    explicit UploadSlots(std::size_t fixed) : fixed_(true), total_(fixed) {}
    UploadSlots(const UploadSlots&) = delete;
    UploadSlots& operator=(const UploadSlots&) = delete;

    /// Content has left, of any torrent.
    void on_sent(std::uint64_t bytes, TimePoint now);
    /// Ends windows that are over. Called now and then.
    void measure(TimePoint now);
    std::size_t total() const;

  private:
    std::size_t wanted_by(bool readers) const;
    std::size_t fair_share(const Share& of, std::size_t slots) const;
    void try_more(double rate);

    std::vector<const Share*> members_;  // those that want some, in the order in which they came
    std::size_t turn_ = 0;               // where the slots begin that do not go round
    bool fixed_ = false;
    std::size_t total_ = kAtFirst;
    double uplink_ = 0;       // bytes per second of the best of the last windows
    std::uint64_t sent_ = 0;  // in this window
    TimePoint window_end_{};
    // Slots beyond the rule.
    std::size_t more_ = 0;
    bool trying_ = false;
    double rate_before_ = 0;
    int rest_ = 0;  // windows until another is tried
};

}  // namespace btfs
