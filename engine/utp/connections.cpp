#include "engine/utp/connections.hpp"

#include <algorithm>

namespace btfs::utp {
namespace {

namespace errc = boost::system::errc;

/// Two resets answer a datagram of this size, and are together no longer than it.
constexpr std::size_t kRoomForTwoResets = 2 * PacketHeader::kSize;
constexpr int kIdTries = 16;

}  // namespace

Connections::Connections(Sink& sink, Rng rng, const SecretSource& secret, ConnectionsOptions options)
    : sink_(sink), rng_(rng), options_(options), cookies_(secret), budget_(options.memory) {}

Connections::~Connections() = default;

Result<Connection*> Connections::connect(const Endpoint& to, User& user, TimePoint now, bool punch) {
    if (!make_room()) return make_error_code(errc::resource_unavailable_try_again);
    now_ = std::max(now_, now);
    for (int i = 0; i < kIdTries; ++i) {
        const auto id = static_cast<std::uint16_t>(rng_.below(0x10000));
        auto& place = connections_[Key{to, id}];
        if (place) continue;
        const auto number = static_cast<std::uint16_t>(rng_.below(0x10000));
        place = std::make_unique<Connection>(*this, to, id, number, &user, punch);
        touch(*place);
        return place.get();
    }
    return make_error_code(errc::resource_unavailable_try_again);
}

void Connections::touch(Connection& connection) {
    if (!connection.touched) {
        connection.touched = true;
        touched_.push_back(&connection);
    }
    if (!in_turn_ && !turn_wanted_) {
        turn_wanted_ = true;
        sink_.want_turn();
    }
}

Connection* Connections::find(const Endpoint& from, std::uint16_t receive_id) {
    if (last_found_ && last_found_->receive_id() == receive_id && last_found_->remote() == from)
        return last_found_;
    const auto found = connections_.find(Key{from, receive_id});
    if (found == connections_.end()) return nullptr;
    return last_found_ = found->second.get();
}

// ---- what comes ----

bool Connections::receive(const ReceivedDatagram& datagram, TimePoint now) {
    const auto packet = Packet::parse(datagram.bytes);
    if (!packet) return false;
    now_ = now;
    turn_wanted_ = true;  // end_turn() follows
    if (packet->header.type == PacketType::syn) {
        handle_syn(datagram, *packet, now);
        return true;
    }
    Connection* connection = packet->header.type == PacketType::reset
                                 ? reset_target(datagram.from, packet->header.connection_id)
                                 : find(datagram.from, packet->header.connection_id);
    if (connection) {
        connection->handle(*packet, datagram, now);
        touch(*connection);
    } else {
        handle_stranger(datagram, *packet, now);
    }
    return true;
}

/// libtorrent names the id under which we receive, libutp the one that it was sent.
Connection* Connections::reset_target(const Endpoint& from, std::uint16_t id) {
    if (Connection* found = find(from, id)) return found;
    for (const int step : {-1, 1}) {
        Connection* found = find(from, static_cast<std::uint16_t>(id + step));
        if (found && found->send_id() == id) return found;
    }
    return nullptr;
}

void Connections::handle_syn(const ReceivedDatagram& datagram, const Packet& syn, TimePoint now) {
    const Endpoint& from = datagram.from;
    const std::uint16_t id = syn.header.connection_id;
    if (find(from, static_cast<std::uint16_t>(id + 1))) return;  // it is open already
    if (!accept_ || !has_room()) {
        if (const auto refusal = refusal_of(datagram.bytes); refusal && may_reset(now))
            send_small(from, *PacketHeader::parse(*refusal), {}, datagram.to);
        return;
    }
    PacketHeader answer;
    answer.type = PacketType::state;
    answer.connection_id = id;
    const auto us = [](TimePoint at) {
        return static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count());
    };
    answer.timestamp_us = us(now);
    answer.timestamp_difference_us = us(datagram.arrived_at) - syn.header.timestamp_us;
    answer.window_size = static_cast<std::uint32_t>(
        std::max(std::min(ReceiveQueue::kMost, budget_.free() / ReceiveQueue::kBudgetPart),
                 ReceiveQueue::kGuaranteed));
    answer.sequence_number = cookies_.first_number(from, id, syn.header.sequence_number, now);
    answer.ack_number = syn.header.sequence_number;
    send_small(from, answer, {}, datagram.to);
}

void Connections::handle_stranger(const ReceivedDatagram& datagram, const Packet& packet, TimePoint now) {
    const PacketHeader& header = packet.header;
    if (header.type != PacketType::data && header.type != PacketType::fin) return;
    if (Connection* connection = accept(datagram, packet, now)) {
        connection->handle(packet, datagram, now);
        touch(*connection);
        return;
    }
    // One side of a connection sends with an id one above that under which it receives, the other with one
    // below.
    PacketHeader reset;
    reset.type = PacketType::reset;
    reset.ack_number = static_cast<std::uint16_t>(header.sequence_number - 1);
    for (const int step : {-1, 1}) {
        if (step == 1 && datagram.bytes.size() < kRoomForTwoResets) break;
        if (!may_reset(now)) break;
        reset.connection_id = static_cast<std::uint16_t>(header.connection_id + step);
        send_small(datagram.from, reset, {}, datagram.to);
    }
}

/// Null if the sender has not proven that it got our answer to its SYN.
Connection* Connections::accept(const ReceivedDatagram& datagram, const Packet& packet, TimePoint now) {
    const Endpoint& from = datagram.from;
    const PacketHeader& header = packet.header;
    if (!accept_ || header.type != PacketType::data || packet.payload.empty()) return nullptr;
    const auto id =
        static_cast<std::uint16_t>(header.connection_id - 1);  // under which the initiator receives
    const auto syn = cookies_.syn_number(from, id, header.sequence_number, header.ack_number, now);
    if (!syn) return nullptr;
    const Key key{from, header.connection_id};
    if (!make_room() || !remember(key, now)) return nullptr;
    auto& place = connections_[key];
    place = std::make_unique<Connection>(*this, datagram, id, first_index(*syn) + 1,
                                         first_index(static_cast<std::uint16_t>(header.ack_number + 1)), now);
    accepted_.push_back(place.get());
    return place.get();
}

/// False if there are as many connections as may be, and none of them lingers. One that makes room goes at
/// the end of the turn.
bool Connections::make_room() {
    if (connections_.size() < options_.max_connections) return true;
    if (released_ == 0) return false;
    Connection* longest = nullptr;
    for (const auto& [key, connection] : connections_)
        if (connection->lingers() && (!longest || connection->released_at() < longest->released_at()))
            longest = connection.get();
    if (!longest) return false;
    longest->fail(make_error_code(errc::timed_out));
    touch(*longest);
    return true;
}

/// False if the connection was opened a short while ago already.
bool Connections::remember(const Key& key, TimePoint now) {
    while (!remembered_.empty() &&
           (remembered_.size() >= kMaxRemembered || now >= remembered_.front().at + 2 * SynCookies::kSlot)) {
        remembered_keys_.erase(remembered_.front().key);
        remembered_.pop_front();
    }
    if (!remembered_keys_.insert(key).second) return false;
    remembered_.push_back({key, now});
    return true;
}

bool Connections::may_reset(TimePoint now) {
    if (now > resets_at_) {
        resets_ = std::min(
            resets_ + seconds(now - std::max(resets_at_, now - std::chrono::seconds(1))) * kResetsPerSecond,
            kResetsPerSecond);
        resets_at_ = now;
    }
    if (resets_ < 1) return false;
    resets_ -= 1;
    return true;
}

void Connections::handle_unreachable(const Endpoint& to) {
    for (auto& [key, connection] : connections_)
        if (key.remote == to && connection->state() == Connection::State::connecting &&
            !connection->punches()) {
            connection->fail(make_error_code(errc::connection_refused));
            touch(*connection);
        }
}

void Connections::handle_timer(TimePoint now) {
    now_ = now;
    turn_wanted_ = true;
    while (Connection* connection = timers_.due(now)) {
        timers_.remove(*connection);
        connection->handle_timer(now);
        touch(*connection);
    }
    end_turn(now);
}

void Connections::handle_writable(TimePoint now) {
    turn_wanted_ = true;
    for (auto& [key, connection] : connections_)
        if (connection->is_blocked()) touch(*connection);
    end_turn(now);
}

// ---- a turn ----

void Connections::end_turn(TimePoint now) {
    now_ = now;
    in_turn_ = true;
    turn_wanted_ = false;
    settled_.clear();
    for (std::size_t i = 0; i < accepted_.size(); ++i) accept_(*accepted_[i]);
    accepted_.clear();
    for (int round = 0; round < kMostRounds && !touched_.empty(); ++round) run_round(now);
    sink_flush();
    for (Connection* connection : touched_) settled_.push_back(connection);
    last_found_ = nullptr;
    in_turn_ = false;
    bool more = false;
    for (Connection* connection : settled_) {
        connection->keep_received();
        if (connection->state() == Connection::State::gone) {
            timers_.remove(*connection);
            continue;
        }
        timers_.set(*connection, connection->next_timeout());
        more |= connection->touched;
    }
    std::erase_if(touched_, [](Connection* c) { return c->state() == Connection::State::gone; });
    std::ranges::sort(settled_);
    settled_.erase(std::unique(settled_.begin(), settled_.end()), settled_.end());
    for (Connection* connection : settled_)
        if (connection->state() == Connection::State::gone) {
            --released_;
            connections_.erase(Key{connection->remote(), connection->receive_id()});
        }
    if (more && !turn_wanted_) {
        turn_wanted_ = true;
        sink_.want_turn();
    }
}

void Connections::run_round(TimePoint now) {
    round_.swap(touched_);
    touched_.clear();
    for (Connection* connection : round_) {
        connection->touched = false;
        for (int i = 0; i < kMostNotices && connection->notify(); ++i) {
        }
    }
    for (Connection* connection : round_) connection->flush(now);
    sink_flush();
    for (Connection* connection : round_) {
        settled_.push_back(connection);
        if (connection->has_notice()) touch(*connection);
    }
    round_.clear();
}

void Connections::send_small(const Endpoint& to, PacketHeader header, ByteView selective_ack,
                             const Address& from) {
    if (smalls_ == small_.size()) small_.emplace_back();
    Small& place = small_[smalls_++];
    std::size_t size = PacketHeader::kSize;
    if (!selective_ack.empty()) {
        header.extension = kSelectiveAckExtension;
        place[size] = std::byte{0};  // no further extension
        place[size + 1] = static_cast<std::byte>(selective_ack.size());
        std::memcpy(place.data() + size + 2, selective_ack.data(), selective_ack.size());
        size += 2 + selective_ack.size();
    }
    header.encode_to(std::span<std::byte, PacketHeader::kSize>(place.data(), PacketHeader::kSize));
    sink_.send(to, ByteView(place.data(), size), Fragmentation::allowed, from);
}

void Connections::sink_flush() {
    sink_.flush();
    smalls_ = 0;
}

}  // namespace btfs::utp
