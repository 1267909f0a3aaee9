#include "tests/sim/client_crowd.hpp"

#include <algorithm>
#include <utility>

namespace btfs::sim {
namespace {

constexpr std::size_t kTold = 50;  // peers that a tracker tells of
constexpr std::uint16_t kPort = 6881;

constexpr Duration kLook = 50ms;

/// The last three bytes of a leecher's address, 20.x.y.z: each has a /24 of its own, or all share one.
std::size_t address_of(std::size_t number, bool one_subnet) {
    return one_subnet ? 0x010100 + number + 1 : ((number + 1) << 8) + 1;
}

Endpoint endpoint_of(std::size_t address) {
    return {*Address::parse("20." + std::to_string(address >> 16) + "." +
                            std::to_string(address >> 8 & 0xff) + "." + std::to_string(address & 0xff)),
            kPort};
}

}  // namespace

ClientCrowd::ClientCrowd(const CrowdOptions& options, std::uint64_t seed)
    : options_(options),
      seed_(seed),
      rng_(seed * 13 + 5),
      begun_(events_.now()),
      network_(events_, seed * 31 + 7),
      layout_(options.piece_length, {{0, options.size, false}}),
      context_{events_, network_, identity_, layout_} {
    identity_.v1 = sha1(as_bytes("a torrent"));
    PeerOptions seeder = remote_options();
    seeder.link = options.seeder;
    seeder_ = std::make_unique<RemotePeer>(context_, seeder, 1);
    nodes_.add(*seeder_);
    members_.resize(options.clients + options.libtorrents);
    unfinished_ = members_.size();
    for (std::size_t i = 0; i < members_.size(); ++i) {
        members_[i].arrives = from_seconds(seconds(options.arrive_within) * rng_.fraction());
        i < options.clients ? add_client(i) : add_libtorrent(i);
        nodes_.add(members_[i].node());
    }
    introduce_all();
    if (options.libtorrents > 0) look_at_libtorrents();
}

ClientCrowd::~ClientCrowd() {
    events_.clear();
}

PeerOptions ClientCrowd::remote_options() {
    PeerOptions options;
    options.link = options_.leecher;
    options.choking = Choking::libtorrent2;
    options.has_public_address = true;
    options.seed = rng_.next() >> 1;
    return options;
}

void ClientCrowd::add_client(std::size_t number) {
    ClientOptions options;
    options.number = address_of(number, options_.one_subnet);
    options.endpoint = endpoint_of(options.number);
    options.link = options_.leecher;
    options.torrent.background = true;
    Member& member = members_[number];
    member.client =
        std::make_unique<Client>(context_, nodes_, options, rng_.next(), [this, number] { check(number); });
    member.invariants = std::make_unique<Invariants>(*member.client, events_, layout_, options.store.memory);
}

void ClientCrowd::add_libtorrent(std::size_t number) {
    PeerOptions options = remote_options();
    options.pieces = 0;
    options.joins_at = members_[number].arrives;
    members_[number].libtorrent =
        std::make_unique<RemotePeer>(context_, options, address_of(number, options_.one_subnet));
}

/// Each announces itself when it comes: the tracker tells it of the seeder, and of some that have come
/// before.
void ClientCrowd::introduce_all() {
    std::vector<Member*> in_order;
    for (Member& member : members_) in_order.push_back(&member);
    std::ranges::stable_sort(in_order, {}, &Member::arrives);
    std::vector<Node*> before;
    for (Member* member : in_order) {
        const std::size_t count = std::min(kTold, before.size());
        std::vector<Node*> told = before;
        for (std::size_t i = 0; i < count; ++i) std::swap(told[i], told[i + rng_.below(told.size() - i)]);
        told.resize(count);
        told.push_back(seeder_.get());
        before.push_back(&member->node());
        if (member->libtorrent) {
            member->libtorrent->meet(std::move(told));
            continue;
        }
        std::vector<Endpoint> endpoints;
        for (const Node* node : told) endpoints.push_back(node->endpoint());
        events_.after(member->arrives, [client = member->client.get(), endpoints = std::move(endpoints)] {
            client->listen();
            client->introduce(endpoints);
        });
    }
}

void ClientCrowd::check(std::size_t number) {
    Member& member = members_[number];
    if (!member.invariants) return;
    member.invariants->check();
    if (member.client->store().bytes_had() == layout_.total_size()) finish(member);
}

void ClientCrowd::look_at_libtorrents() {
    for (Member& member : members_)
        if (member.libtorrent && member.libtorrent->have().all()) finish(member);
    events_.after(kLook, [this] { look_at_libtorrents(); });
}

void ClientCrowd::finish(Member& member) {
    if (member.finished > Duration{}) return;
    member.finished = events_.now() - begun_;
    --unfinished_;
}

Duration ClientCrowd::bound() const {
    const auto size = static_cast<double>(options_.size);
    const auto leechers = static_cast<double>(members_.size());
    const double uplinks = options_.seeder.up + leechers * options_.leecher.up;
    return from_seconds(
        std::max({size / options_.seeder.up, leechers * size / uplinks, size / options_.leecher.down}));
}

CrowdResult ClientCrowd::run() {
    const TimePoint end = begun_ + options_.patience;
    while (unfinished_ > 0 && events_.step(end)) {
    }
    CrowdResult result;
    result.seed = seed_;
    result.bound = bound();
    result.seeder_sent = static_cast<double>(seeder_->given()) / static_cast<double>(options_.size);
    for (const Member& member : members_) {
        if (member.libtorrent) {
            result.members.push_back({.is_client = false, .finished = member.finished});
            continue;
        }
        result.members.push_back(
            {true, member.finished, member.client->torrent().totals().uploaded, member.client->wire()});
        const auto& violations = member.invariants->violations();
        result.violations.insert(result.violations.end(), violations.begin(), violations.end());
    }
    if (unfinished_ > 0)
        result.violations.push_back(std::to_string(unfinished_) + " leechers have not finished");
    return result;
}

std::size_t CrowdResult::unfinished() const {
    return static_cast<std::size_t>(std::ranges::count(members, Duration{}, &Member::finished));
}

Duration CrowdResult::mean_finish(bool of_clients) const {
    Duration sum{};
    std::size_t count = 0;
    for (const Member& member : members) {
        if (member.is_client != of_clients || member.finished == Duration{}) continue;
        sum += member.finished;
        ++count;
    }
    return sum / std::max<std::size_t>(1, count);
}

Duration CrowdResult::last_finish() const {
    Duration last{};
    for (const Member& member : members) last = std::max(last, member.finished);
    return last;
}

std::string CrowdResult::fingerprint() const {
    std::string text;
    const auto add = [&](auto value) { text += std::to_string(value) + " "; };
    add(seed);
    add(seeder_sent);
    for (const Member& member : members) {
        add(member.finished.count());
        add(member.sent);
        add(member.wire.useful);
        add(member.wire.twice);
        add(member.wire.unasked);
    }
    for (const std::string& violation : violations) text += violation + "\n";
    return text;
}

}  // namespace btfs::sim
