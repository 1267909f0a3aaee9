#include "engine/lsd/discovery.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace btfs::lsd {
namespace {

/// Makes a random cookie of eight hex digits: other clients expect this form.
std::string make_cookie(Rng& rng) {
    Sha1Digest random;
    rng.fill(random.bytes);
    return random.hex().substr(0, 8);
}

}  // namespace

Discovery::Discovery(Rng& rng) : cookie_(make_cookie(rng)) {}

void Discovery::enqueue(const Sha1Digest& info_hash, Torrent& torrent, TimePoint due) {
    torrent.due = due;
    queue_.insert({due, info_hash});
}

void Discovery::add(const Sha1Digest& info_hash, TimePoint now) {
    const auto [place, added] = torrents_.try_emplace(info_hash);
    if (added) enqueue(info_hash, place->second, now);
}

void Discovery::remove(const Sha1Digest& info_hash) {
    if (const auto torrent = torrents_.extract(info_hash)) queue_.erase({torrent.mapped().due, info_hash});
}

void Discovery::announce_again(TimePoint now) {
    queue_.clear();
    for (auto& [info_hash, torrent] : torrents_) {
        torrent.announced = false;
        enqueue(info_hash, torrent, now);
    }
}

std::optional<Announcement> Discovery::poll_announcement(std::uint16_t port, TimePoint now) {
    if (now < next_timeout()) return std::nullopt;
    Announcement announcement{.port = port, .info_hashes = {}, .cookie = cookie_};
    while (!queue_.empty() && announcement.info_hashes.size() < Announcement::kMaxInfoHashes &&
           queue_.begin()->first <= now + kEarly) {
        announcement.info_hashes.push_back(queue_.begin()->second);
        queue_.erase(queue_.begin());
    }
    for (const Sha1Digest& info_hash : announcement.info_hashes) {
        Torrent& torrent = torrents_.at(info_hash);
        const bool repeated = std::exchange(torrent.announced, true);
        enqueue(info_hash, torrent, now + (repeated ? kInterval : kRepeatAfter));
    }
    next_datagram_ = now + kSpacing;
    return announcement;
}

TimePoint Discovery::next_timeout() const {
    return queue_.empty() ? kNever : std::max(queue_.begin()->first, next_datagram_);
}

std::optional<Discovery::Neighbour> Discovery::handle_datagram(const Address& from, ByteView datagram,
                                                               TimePoint now) {
    if (now >= heard_since_ + 1s) {
        heard_since_ = now;
        heard_ = 0;
    }
    if (++heard_ > kMaxHeard || (!from.is_v4() && from.is_link_local())) return std::nullopt;
    auto announcement = Announcement::parse(datagram);
    if (!announcement || announcement->cookie == cookie_) return std::nullopt;
    std::erase_if(announcement->info_hashes,
                  [this](const Sha1Digest& info_hash) { return !torrents_.contains(info_hash); });
    if (announcement->info_hashes.empty()) return std::nullopt;
    return Neighbour{{from, announcement->port}, std::move(announcement->info_hashes)};
}

}  // namespace btfs::lsd
