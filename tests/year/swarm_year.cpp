#include "tests/year/swarm_year.hpp"

#include <algorithm>
#include <cmath>

namespace btfs::year {
namespace {

constexpr Duration kTorrentEvery = 40min;
constexpr Duration kStay = 12h;
constexpr Duration kVisitEvery = 8h;
constexpr Duration kVisitStayingEvery = 2h;
constexpr Duration kStrangerEvery = 10min;
constexpr Duration kNetworkChangesEvery = 24h * 7;
/// No event of a torrent's store is under way so long after the torrent has left.
constexpr Duration kAllEventsAreOver = 1h;
/// Bytes. A torrent that stays remembers the last thousands of connections, which takes a while to fill.
constexpr double kHeapMargin = 100e3;
/// Torrents whose info-hash may come again.
constexpr std::uint64_t kRemembered = 200;
constexpr std::uint64_t kHostsOfStaying = 60;

}  // namespace

SwarmYear::SwarmYear(std::uint64_t seed)
    : process_(seed),
      dht_(process_,
           [this](const dht::NodeId& info_hash, std::span<const Endpoint> peers) {
               for (const TorrentPtr& torrent : torrents_)
                   if (torrent->info_hash() == info_hash) torrent->add_peers(peers, PeerSource::dht);
           }),
      lsd_alarm_(process_.events, [this] { hear_local_network(); }) {
    // As after years: the list of bans is full.
    while (process_.bans.size() < BanList::kMaxBanned)
        process_.bans.ban(random_endpoint(process_.rng).address);
    // Those that stay: a private one, one that has all, one whose info dictionary comes from peers, a usual
    // one.
    for (std::size_t i = 0; i < kStaying; ++i) visit_later(add_torrent(numbers_++, kHostsOfStaying));
    torrent_comes();
    send_stranger();
    hear_local_network();
    process_.events.after(kNetworkChangesEvery, [this] { change_network(); });
}

SwarmYear::~SwarmYear() {
    process_.events.clear();
}

void SwarmYear::run_for(Duration time) {
    const TimePoint end = process_.events.now() + time;
    while (process_.events.step(end)) {
    }
}

/// Times between events that know nothing of each other: exponential, five times the average at most.
Duration SwarmYear::about(Duration average) {
    return from_seconds(seconds(average) * std::min(5.0, -std::log(1 - process_.rng.fraction())));
}

void SwarmYear::torrent_comes() {
    process_.events.after(about(kTorrentEvery), [this] { torrent_comes(); });
    if (rests_) return;
    Rng& rng = process_.rng;
    const bool again = rng.below(3) == 0;
    const std::uint64_t number =
        again ? numbers_ - 1 - rng.below(std::min(kRemembered, numbers_)) : numbers_++;
    // btfs does not mount the same torrent twice.
    if (std::ranges::any_of(torrents_, [&](const TorrentPtr& each) { return each->number() == number; }))
        return;
    process_.counts.torrents_again += again ? 1 : 0;
    const TorrentPtr torrent = add_torrent(number, 0);
    visit(torrent);
    process_.events.after(about(kStay), [this, weak = std::weak_ptr(torrent)] {
        if (const TorrentPtr there = weak.lock()) remove(there);
    });
}

SwarmYear::TorrentPtr SwarmYear::add_torrent(std::uint64_t number, std::uint64_t hosts) {
    const TimePoint now = process_.events.now();
    const bool is_private = number % 5 == 0;
    // Not make_shared(): the weak pointers of events to come would keep its memory.
    const TorrentPtr torrent(
        new MountedTorrent(process_,
                           MountedTorrent::Options{.number = number,
                                                   .name_only = number % 4 == 2 && !is_private,
                                                   .is_private = is_private,
                                                   .has_all = number % 7 == 1,
                                                   .pex = number % 3 != 2 && hosts == 0,
                                                   .hosts = hosts},
                           [this, number] {
                               for (const TorrentPtr& each : torrents_)
                                   if (each->number() == number && !each->is_private())
                                       process_.searches.want_peers(each->info_hash(), process_.events.now());
                               process_.events.after(1ms, [this] { dht_.carry_on(); });
                           }));
    torrents_.push_back(torrent);
    if (!is_private) {
        process_.searches.add(torrent->info_hash(), now);
        process_.lsd.add(torrent->info_hash(), now);
        dht_.carry_on();
        lsd_alarm_.set(process_.lsd.next_timeout());
    }
    return torrent;
}

void SwarmYear::visit(const TorrentPtr& torrent) {
    torrent->visit();
    visit_later(torrent);
}

void SwarmYear::visit_later(const TorrentPtr& torrent) {
    const bool stays = torrent->number() < kStaying;
    process_.events.after(about(stays ? kVisitStayingEvery : kVisitEvery),
                          [this, weak = std::weak_ptr(torrent)] {
                              const TorrentPtr there = weak.lock();
                              if (!there) return;
                              rests_ ? visit_later(there) : visit(there);
                          });
}

void SwarmYear::remove(const TorrentPtr& torrent) {
    if (std::erase(torrents_, torrent) == 0) return;  // it has left already
    if (!torrent->is_private()) {
        process_.searches.remove(torrent->info_hash());
        process_.lsd.remove(torrent->info_hash());
    }
    torrent->leave();
    process_.events.after(kAllEventsAreOver, [torrent] {});
}

void SwarmYear::send_stranger() {
    process_.events.after(about(kStrangerEvery), [this] { send_stranger(); });
    if (!rests_) torrents_[process_.rng.below(torrents_.size())]->take_incoming();
}

/// Sends what is due to the local network, and brings an announcement of a neighbour now and then.
void SwarmYear::hear_local_network() {
    const TimePoint now = process_.events.now();
    while (const auto ours = process_.lsd.poll_announcement(6881, now)) {
        ++process_.counts.local_announcements;
        const Address neighbour = *Address::parse("192.168.1." + std::to_string(2 + process_.rng.below(250)));
        if (process_.rng.below(4) != 0 || ours->info_hashes.empty()) continue;
        const lsd::Announcement theirs{
            .port = 6881, .info_hashes = {ours->info_hashes.front()}, .cookie = "another"};
        const auto heard = process_.lsd.handle_datagram(neighbour, theirs.encode(AddressFamily::v4), now);
        if (!heard) continue;
        for (const TorrentPtr& torrent : torrents_)
            if (torrent->info_hash() == heard->info_hashes.front())
                torrent->add_peers({&heard->endpoint, 1}, PeerSource::lsd);
    }
    lsd_alarm_.set(process_.lsd.next_timeout());
}

void SwarmYear::change_network() {
    process_.events.after(kNetworkChangesEvery, [this] { change_network(); });
    ++process_.counts.network_changes;
    for (const TorrentPtr& torrent : torrents_) torrent->handle_network_change();
    dht_.handle_network_change();
    process_.lsd.announce_again(process_.events.now());
    lsd_alarm_.set(process_.lsd.next_timeout());
}

void SwarmYear::note(Growth& growth) {
    while (torrents_.size() > kStaying) remove(TorrentPtr(torrents_.back()));
    rests_ = true;
    run_for(kRest);
    rests_ = false;
    std::size_t connections = 0, known = 0;
    for (const TorrentPtr& torrent : torrents_) {
        connections += torrent->connections();
        known += torrent->peers_known();
    }
    growth.note("connections", static_cast<double>(connections), 30);
    growth.note("peers known", static_cast<double>(known), 100);
    growth.note("events waiting", static_cast<double>(process_.events.size()), 60);
    growth.note("banned hosts", static_cast<double>(process_.bans.size()), 0);
    growth.note("nodes in the routing table", static_cast<double>(dht_.node().table().size()), 30);
    growth.note("peers stored for the DHT", static_cast<double>(dht_.node().peers().size()), 15);
    growth.note("heap, swarm", heap_in_use(), kHeapMargin);
}

std::string SwarmYear::happened() const {
    const Counts& c = process_.counts;
    std::string text;
    const auto add = [&](std::string_view name, std::uint64_t count) {
        text.append(name).append(" ").append(std::to_string(count)).append("; ");
    };
    add("torrents", c.torrents);
    add("again", c.torrents_again);
    add("pieces read", c.reads);
    add("reads given up", c.reads_given_up);
    add("dials", c.dials);
    add("connections", c.connections);
    add("mismatches", c.mismatches);
    add("evicted pieces", c.evictions);
    add("uploads", c.uploads);
    add("info dictionaries", c.metadata);
    add("announces", c.announces);
    add("failed", c.announces_failed);
    add("DHT searches", c.searches);
    add("queries of strangers", c.strangers);
    add("peers stored", c.peers_stored);
    add("local announcements", c.local_announcements);
    add("network changes", c.network_changes);
    return text + "\n";
}

}  // namespace btfs::year
