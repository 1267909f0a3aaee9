// Moves bytes between one stream and one peer's session.
#pragma once

#include <array>
#include <functional>
#include <memory>

#include "engine/net/stream.hpp"
#include "engine/swarm/torrent.hpp"

namespace btfs::net {

/// A shell without decisions: waits until the stream is readable, reads straight to where the session says,
/// tells the torrent; and writes what the session has to send. A peer that does not take our answers is not
/// read any more (wire::PeerSession::kMaxControlBacklog), until TCP tells it to stop. On the engine thread.
class PeerConnection {
  public:
    /// The owner carries out the torrent's actions, after each event. May destroy this.
    using AfterEvent = std::function<void()>;

    PeerConnection(Torrent& torrent, ConnectionId id, std::unique_ptr<Stream> stream, AfterEvent after_event);

    void start();
    /// Bytes read before the connection was known to be this torrent's.
    void feed(ByteView bytes);
    /// The session has something to send.
    void flush();

  private:
    void wait_readable();
    void resume_reading();
    void on_readable();
    /// False if the connection was closed, and this destroyed.
    bool read_once(bool& more);
    void closed();
    void tell_round_trip(TimePoint now);
    void tell_reception(TimePoint now);

    Torrent& torrent_;
    const ConnectionId id_;
    std::unique_ptr<Stream> stream_;
    AfterEvent after_event_;
    TimePoint last_turn_;
    bool waiting_to_write_ = false;
    TimePoint round_trip_told_{}, reception_told_{};
    std::uint64_t content_told_ = 0;  ///< that was sent by then
    bool reading_paused_ = false;
    bool broken_ = false;  ///< writing failed; reading tells why, and is not paused any more
    /// Told to code further up the stack that this was destroyed by after_event_().
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace btfs::net
