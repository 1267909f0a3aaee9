#include "engine/session/named_peers.hpp"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "engine/log/log.hpp"

namespace btfs {

void NameSchedule::handle_found(TimePoint now) {
    due_ = now + kRefresh;
    retry_ = kFirstRetry;
}

void NameSchedule::handle_failure(TimePoint now) {
    due_ = now + retry_;
    retry_ = std::min(2 * retry_, kLongestRetry);
}

void NameSchedule::handle_network_change(TimePoint now) {
    due_ = now;
    retry_ = kFirstRetry;
}

NamedPeers::NamedPeers(net::Connector& connector)
    : connector_(connector), tasks_(connector.io().get_executor()), timer_(connector.io()) {}

void NamedPeers::add(TorrentHandle torrent, HostPort peer, OnFound on_found) {
    if (const auto address = Address::parse(peer.host)) {
        const Literal& literal =
            literals_.emplace_back(Literal{torrent, {*address, peer.port}, std::move(on_found)});
        return literal.on_found({&literal.endpoint, 1});
    }
    names_.push_back({torrent, std::move(peer), std::move(on_found), NameSchedule(Clock::now())});
    carry_on();
}

void NamedPeers::remove(TorrentHandle torrent) {
    std::erase_if(literals_, [&](const Literal& literal) { return literal.torrent == torrent; });
    std::erase_if(names_, [&](Name& name) {
        if (name.torrent != torrent) return false;
        name.removed = name.looking;  // look_up() uses it
        return !name.looking;
    });
}

void NamedPeers::tell_again() {
    if (stopped_) return;
    for (const Literal& literal : literals_) literal.on_found({&literal.endpoint, 1});
    for (const Name& name : names_)
        if (!name.found.empty() && !name.removed) name.on_found(name.found);
}

void NamedPeers::handle_network_change() {
    for (Name& name : names_) name.schedule.handle_network_change(Clock::now());
    carry_on();
}

void NamedPeers::stop() {
    stopped_ = true;
    timer_.cancel();
}

void NamedPeers::carry_on() {
    if (stopped_) return;
    TimePoint next = kNever;
    for (Name& name : names_) {
        if (name.looking) continue;
        if (Clock::now() >= name.schedule.due()) {
            name.looking = true;
            tasks_.spawn("look-up of a peer", look_up(name));
        } else {
            next = std::min(next, name.schedule.due());
        }
    }
    if (next == kNever) return;
    timer_.expires_at(next);
    timer_.async_wait([this](Error error) {
        if (!error) carry_on();
    });
}

net::Awaitable<void> NamedPeers::look_up(Name& name) {
    const auto addresses = co_await connector_.resolve(name.peer.host, net::Families::both);
    if (stopped_) co_return;
    if (name.removed) {
        names_.remove_if([&](const Name& other) { return &other == &name; });
        co_return;
    }
    name.looking = false;
    if (addresses) {
        std::vector<Endpoint> endpoints;
        for (const Address& address : *addresses) endpoints.push_back({address, name.peer.port});
        name.schedule.handle_found(Clock::now());
        name.warned = false;
        name.found = std::move(endpoints);
        name.on_found(name.found);
    } else {
        // Warns once for a lasting failure; further tries are logged at debug.
        log::at(name.warned ? log::Level::debug : log::Level::warn, "peer {}: {}; trying again",
                name.peer.host, addresses.error().message());
        name.warned = true;
        name.schedule.handle_failure(Clock::now());
    }
    carry_on();
}

}  // namespace btfs
