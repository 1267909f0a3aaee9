// Holepunch in virtual time: peers that send any ut_holepunch and PEX messages about any addresses. Nobody
// but connected peers is told anything; dials stay within their bounds, and never go to us, to a peer that is
// connected, or to an address of a local network that a relay elsewhere names.
#include <deque>

#include "engine/core/address_scope.hpp"
#include "engine/swarm/holepunch.hpp"
#include "engine/wire/messages.hpp"
#include "tests/fuzz/fuzz_input.hpp"

namespace {

using namespace btfs;
using fuzz::require;
using wire::HolepunchMessage;

struct NoPlaces final : wire::BlockPlaces {
    std::span<std::byte> place_of(const BlockRef&) override { return {}; }
};

class World {
  public:
    explicit World(ByteView input) : input_(input) {
        for (std::uint8_t n = 0; n < 6; ++n) connect(n);
    }
    void run() {
        while (!input_.rest().empty()) step();
    }

  private:
    /// Few hosts, so that they meet: public, private and loopback ones, multicast, IPv6, and us.
    Endpoint endpoint() {
        static const char* const kHosts[] = {"198.51.100.1", "198.51.100.2", "198.51.100.3", "192.168.0.1",
                                             "127.0.0.1",    "2001:db8::1",  "fe80::1",      "224.0.0.1",
                                             "0.0.0.0",      "203.0.113.9",  "198.51.100.4", "10.0.0.1"};
        const std::uint8_t n = input_.u8();
        const std::uint16_t port = n / 16 % 4 == 0 ? input_.u16() : static_cast<std::uint16_t>(7000 + n / 64);
        return {*Address::parse(kHosts[n % std::size(kHosts)]), port};
    }
    void connect(std::uint8_t n) {
        const ConnectionId id = ++last_;
        const Endpoint remote = endpoint();
        const wire::PeerSession::Config config{.direction = wire::Direction::incoming,
                                               .identity = identity_,
                                               .remote = remote,
                                               .have = nothing_,
                                               .holepunch = n % 4 != 3};
        auto peer = std::make_unique<Peer>(id, config, places_, now_);
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
        hello.info_hash = identity_.wire_hash();
        hello.peer_id.fill(static_cast<std::byte>(id));
        peer->session.handle_bytes(hello.encode(), now_);
        wire::ExtendedHandshake said;
        said.holepunch_id = 9;
        const Bytes extensions = said.encode();
        Bytes raw;
        append_message(raw, wire::Extended{wire::kExtendedHandshakeId, extensions});
        peer->session.handle_bytes(raw, now_);
        peer->utp = n % 2 == 0;
        if (n % 3 == 0) peer->dial_endpoint = Endpoint{remote.address, 6881};
        peers_.emplace(id, std::move(peer));
    }
    void step() {
        const std::uint8_t op = input_.u8();
        if (peers_.empty()) connect(op);
        auto peer = peers_.begin();
        std::advance(peer, op / 16 % peers_.size());
        const ConnectionId id = peer->first;
        switch (op % 16) {
            case 0:
                now_ += input_.u8() * 100ms;
                break;
            case 1:
                if (peers_.size() < 12) connect(op / 16);
                break;
            case 2:
                holepunch_.remove_peer(id);
                peers_.erase(peer);
                break;
            case 3:
            case 4:
                holepunch_.on_told(id, {endpoint(), input_.u8()}, op % 32 > 16, now_);
                break;
            case 5:
                holepunch_.on_dropped(id, endpoint());
                break;
            case 6:
                holepunch_.on_dial_begun(endpoint(), now_);
                break;
            case 7:
                holepunch_.on_dial_failed(endpoint(), now_);
                break;
            case 8:
                holepunch_.on_dial_ended(endpoint());
                break;
            case 9:
                holepunch_.handle_error(id, endpoint(), now_);
                break;
            case 10:
            case 11:
            case 12:
                return connect_told(*peer->second, endpoint());
            default:
                return rendezvous(id, endpoint());
        }
        settle(op % 32 > 16);
    }
    void rendezvous(ConnectionId from, const Endpoint& target) {
        // A session drops the messages of a peer that does not speak ut_holepunch.
        if (!peers_.at(from)->session.understands_holepunch()) return;
        const auto tellings = holepunch_.handle_rendezvous(from, target, now_);
        require(tellings.size() <= 2);
        for (const auto& [to, message] : tellings) {
            require(peers_.contains(to) && message.type != HolepunchMessage::Type::rendezvous);
            if (message.type == HolepunchMessage::Type::error) {
                require(tellings.size() == 1 && to == from && message.endpoint == target);
            } else {
                require(tellings.size() == 2 && peers_.at(to)->session.understands_holepunch());
            }
        }
        settle(false);
    }
    void connect_told(const Peer& relay, const Endpoint& endpoint) {
        if (holepunch_.handle_connect(relay.id, endpoint, now_)) {
            require(endpoint.is_dialable() && endpoint.port >= Holepunch::kLeastPort && endpoint != kOurs);
            require(may_tell_of(relay.session.remote().address, endpoint.address));
            for (const auto& [id, peer] : peers_) require(peer->session.remote() != endpoint);
            dials_.push_back({now_, endpoint.address.network()});
            while (dials_.front().first + 60s < now_) dials_.pop_front();
            require(dials_.size() <= Holepunch::kInAllAtOnce + 60s / Holepunch::kPause + 1);
            const auto there = std::ranges::count(dials_, endpoint.address.network(),
                                                  [](const auto& d) { return d.second; });
            if (!is_local(endpoint.address))
                require(there <= Holepunch::kOfHostAtOnce + 60s / Holepunch::kHostPause + 1);
        }
        settle(false);
    }
    void settle(bool hurry) {
        for (const auto& [to, message] : holepunch_.take_messages(hurry, now_)) {
            require(message.type == HolepunchMessage::Type::rendezvous);
            require(peers_.at(to)->session.understands_holepunch());
        }
        require(holepunch_.next_timeout() > now_);  // it must not spin
        require(holepunch_.take_messages(hurry, now_).empty());
    }

    inline static const Endpoint kOurs = *Endpoint::parse("203.0.113.9:7000");
    ByteReader input_;
    const Identity identity_{.v1 = sha1(as_bytes("t")), .v2 = {}};
    const Bitfield nothing_{0};
    NoPlaces places_;
    TimePoint now_ = TimePoint{} + 1h;
    ConnectionId last_ = 0;
    PeerTable peers_;
    Holepunch holepunch_{peers_, [](const Endpoint& endpoint) { return endpoint == kOurs; }};
    std::deque<std::pair<TimePoint, Address>> dials_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    World(std::as_bytes(std::span(data, size))).run();
    return 0;
}
