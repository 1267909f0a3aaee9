#include "tests/sim/client_crowd.hpp"

#include <algorithm>
#include <utility>

namespace btfs::sim {
namespace {

constexpr std::size_t kTold = 50;  // peers that a tracker tells of
constexpr std::uint16_t kPort = 6881;

/// Public addresses, so that hosts count as hosts; each in a /24 of its own, or all in one.
Endpoint endpoint_of(std::size_t number, bool one_subnet) {
    const std::string high = std::to_string(number / 256), low = std::to_string(number % 256);
    return {*Address::parse(one_subnet ? "20.1.1." + low : "20." + high + "." + low + ".1"), kPort};
}

}  // namespace

ClientCrowd::ClientCrowd(const CrowdOptions& options, std::uint64_t seed)
    : options_(options),
      seed_(seed),
      rng_(seed * 13 + 5),
      begun_(events_.now()),
      network_(events_, seed * 31 + 7),
      layout_(options.piece_length, {{0, options.size, false}}),
      context_{events_, network_, identity_, layout_},
      unfinished_(options.clients) {
    identity_.v1 = sha1(as_bytes("a torrent"));
    PeerOptions seeder;
    seeder.link = options.seeder;
    seeder.has_public_address = true;
    seeder.choking = Choking::libtorrent2;
    seeder.seed = rng_.next() >> 1;
    seeder_ = std::make_unique<RemotePeer>(context_, seeder, 1);
    nodes_.add(*seeder_);
    for (std::size_t i = 0; i < options.clients; ++i) add_member(i);
}

ClientCrowd::~ClientCrowd() {
    events_.clear();
}

void ClientCrowd::add_member(std::size_t number) {
    ClientOptions options;
    options.endpoint = endpoint_of(number + 1, options_.one_subnet);
    options.number = number + 1;
    options.link = options_.client;
    options.torrent.background = true;
    members_.emplace_back();
    members_.back().client =
        std::make_unique<Client>(context_, nodes_, options, rng_.next(), [this, number] { check(number); });
    Client& client = *members_.back().client;
    members_.back().invariants = std::make_unique<Invariants>(client, events_, layout_, options.store.memory);
    nodes_.add(client);
    events_.after(from_seconds(seconds(options_.arrive_within) * rng_.fraction()),
                  [this, number] { arrive(number); });
}

/// The client announces itself: the tracker tells it of the seeder, and of some that have come before.
void ClientCrowd::arrive(std::size_t number) {
    Client& client = *members_[number].client;
    client.listen();
    std::vector<Endpoint> told = arrived_;
    for (std::size_t i = 0; i < std::min(kTold, told.size()); ++i)
        std::swap(told[i], told[i + rng_.below(told.size() - i)]);
    told.resize(std::min(kTold, told.size()));
    told.push_back(seeder_->endpoint());
    arrived_.push_back(client.endpoint());
    client.introduce(told);
}

void ClientCrowd::check(std::size_t number) {
    Member& member = members_[number];
    if (!member.invariants) return;
    member.invariants->check();
    if (member.finished > Duration{} || member.client->store().bytes_had() < layout_.total_size()) return;
    member.finished = events_.now() - begun_;
    --unfinished_;
}

Duration ClientCrowd::bound() const {
    const auto size = static_cast<double>(options_.size);
    const auto clients = static_cast<double>(options_.clients);
    const double uplinks = options_.seeder.up + clients * options_.client.up;
    return from_seconds(
        std::max({size / options_.seeder.up, clients * size / uplinks, size / options_.client.down}));
}

CrowdResult ClientCrowd::run() {
    const TimePoint end = begun_ + options_.patience;
    while (unfinished_ > 0 && events_.step(end)) {
    }
    CrowdResult result;
    result.seed = seed_;
    result.bound = bound();
    result.seeder_sent =
        static_cast<double>(seeder_->given_to_clients()) / static_cast<double>(options_.size);
    for (const Member& member : members_) {
        result.members.push_back(
            {member.finished, member.client->torrent().totals().uploaded, member.client->wire()});
        const auto& violations = member.invariants->violations();
        result.violations.insert(result.violations.end(), violations.begin(), violations.end());
    }
    if (unfinished_ > 0)
        result.violations.push_back(std::to_string(unfinished_) + " clients have not finished");
    return result;
}

std::size_t CrowdResult::unfinished() const {
    return static_cast<std::size_t>(std::ranges::count(members, Duration{}, &Member::finished));
}

Duration CrowdResult::mean_finish() const {
    Duration sum{};
    for (const Member& member : members) sum += member.finished;
    return sum / std::max<std::size_t>(1, members.size() - unfinished());
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
