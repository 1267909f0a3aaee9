// Torrents that stay interested without a reader, and when they give that up for others.
#pragma once

#include <cstddef>
#include <deque>
#include <set>

#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"

namespace btfs {

/// A peer that we are interested in may keep one of its few upload slots for us. A torrent without a reader
/// (just mounted, or just closed) takes that for a while all the same, since the next read then begins
/// without a wait; but only few torrents do at a time, the latest ones, and fewer at one host. Where another
/// torrent's reader waits at a host that chokes it, none does. Shared by all torrents; on the engine thread.
class IdleInterest {
  public:
    static constexpr std::size_t kMaxTorrents = 4;
    static constexpr std::size_t kMaxPerHost = 2;

    /// A torrent's side. A host is an IPv4 address or an IPv6 /64: Address::network().
    class Holder {
      public:
        virtual bool is_connected_to(const Address& host) const = 0;
        /// A reader waits, and the host chokes the torrent.
        virtual bool waits_at(const Address& host) const = 0;
        /// may_be_interested() may say something else now. Never called for the torrent that is calling.
        virtual void reconsider_interest(TimePoint now) = 0;

      protected:
        ~Holder() = default;
    };

    /// From now on the torrent is one without a reader, and the latest of them.
    void begin(Holder& torrent, TimePoint now);
    void end(Holder& torrent) { std::erase(idle_, &torrent); }
    /// Its reader waits from now on, or does not any more.
    void set_waiting(Holder& torrent, bool waits, TimePoint now);
    /// The torrent is destroyed.
    void remove(Holder& torrent);

    /// True if a torrent without a reader may be interested in a peer there.
    bool may_be_interested(const Holder& torrent, const Address& host) const;

  private:
    void reconsider_others(const Holder& than, TimePoint now);

    std::deque<Holder*> idle_;  // the latest first; never more than kMaxTorrents
    std::set<Holder*> waiting_;
};

}  // namespace btfs
