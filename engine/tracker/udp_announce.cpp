#include "engine/tracker/udp_announce.hpp"

#include <algorithm>

namespace btfs::tracker {
namespace {

constexpr std::uint64_t kProtocolId = 0x41727101980;  // BEP 15's magic constant

enum Action : std::uint32_t { kConnect = 0, kAnnounce = 1, kError = 3 };
enum UrlDataOption : std::uint8_t { kEndOfOptions = 0, kUrlData = 2 };

std::uint32_t event_number(AnnounceEvent event) {
    switch (event) {
        case AnnounceEvent::completed:
            return 1;
        case AnnounceEvent::started:
            return 2;
        case AnnounceEvent::stopped:
            return 3;
        case AnnounceEvent::none:
        case AnnounceEvent::paused:
            return 0;
    }
    return 0;
}

/// Returns a count of a reply. BEP 15's counts are signed, and some trackers send -1 for an unknown count.
std::optional<std::uint32_t> usable_count(std::uint32_t count) {
    return static_cast<std::int32_t>(count) < 0 ? std::nullopt : std::optional(count);
}

}  // namespace

UdpAnnounce::UdpAnnounce(AnnounceRequest request, AddressFamily family, std::string url_target,
                         std::optional<UdpConnection> known, Rng& rng, TimePoint now)
    : request_(std::move(request)), family_(family), url_target_(std::move(url_target)), rng_(rng) {
    if (known && known->alive(now)) {
        connection_ = known;
        connection_is_old_ = true;
    }
    begin(now);
}

/// Begins a new transaction and sends its first datagram: an announce if there is a connection id, else a
/// connect.
void UdpAnnounce::begin(TimePoint now) {
    connecting_ = !connection_;
    transaction_ = static_cast<std::uint32_t>(rng_.next());
    send(now);
}

void UdpAnnounce::send(TimePoint now) {
    outgoing_ = connecting_ ? connect_packet() : announce_packet();
    timeout_ = now + kFirstTimeout * (1 << repeats_);
}

Bytes UdpAnnounce::connect_packet() const {
    Bytes out;
    ByteWriter(out).u64(kProtocolId).u32(kConnect).u32(transaction_);
    return out;
}

Bytes UdpAnnounce::announce_packet() const {
    Bytes out;
    ByteWriter writer(out);
    writer.u64(connection_->id).u32(kAnnounce).u32(transaction_);
    writer.bytes(request_.info_hash.view()).bytes(request_.peer_id);
    writer.u64(request_.downloaded).u64(request_.left).u64(request_.uploaded);
    writer.u32(event_number(request_.event)).u32(0 /* our address: the sender's */).u32(request_.key);
    writer.u32(request_.numwant).u16(request_.port);
    for (std::string_view rest = url_target_; !rest.empty();) {
        const std::string_view part = rest.substr(0, kMaxUrlDataOption);
        writer.u8(kUrlData).u8(static_cast<std::uint8_t>(part.size())).text(part);
        rest.remove_prefix(part.size());
    }
    if (!url_target_.empty()) writer.u8(kEndOfOptions);
    return out;
}

std::optional<Bytes> UdpAnnounce::poll_datagram() {
    return std::exchange(outgoing_, std::nullopt);
}

void UdpAnnounce::handle_timeout(TimePoint now) {
    if (result_ || now < timeout_) return;
    if (repeats_ == kMaxRepeats) {
        result_ = Errc::tracker_timed_out;
        return;
    }
    ++repeats_;
    // Asks for a new connection id if the present one has expired while we waited (BEP 15).
    if (!connecting_ && !connection_->alive(now)) {
        connection_.reset();
        begin(now);
    } else {
        send(now);
    }
}

void UdpAnnounce::handle_datagram(ByteView datagram, TimePoint now) {
    if (result_) return;
    ByteReader in(datagram);
    const std::uint32_t action = in.u32(), transaction = in.u32();
    if (!in.ok() || transaction != transaction_) return;  // a late reply, or a forged one
    if (action == kError) return on_error(in, now);
    if (action == kConnect && connecting_) return on_connected(in, now);
    if (action == kAnnounce && !connecting_) return on_announced(in);
    result_ = Errc::tracker_bad_reply;
}

void UdpAnnounce::on_connected(ByteReader in, TimePoint now) {
    const std::uint64_t id = in.u64();
    if (!in.ok()) {
        result_ = Errc::tracker_bad_reply;
        return;
    }
    connection_ = UdpConnection{id, now};
    connection_is_old_ = false;
    repeats_ = 0;
    begin(now);
}

void UdpAnnounce::on_announced(ByteReader in) {
    AnnounceReply reply;
    reply.interval = usable_interval(static_cast<std::int32_t>(in.u32()));
    reply.incomplete = usable_count(in.u32());
    reply.complete = usable_count(in.u32());
    const std::size_t peer_size = family_ == AddressFamily::v4 ? 6 : 18;
    if (!in.ok()) {
        result_ = Errc::tracker_bad_reply;
        return;
    }
    // Ignores an incomplete last peer.
    while (in.rest().size() >= peer_size && reply.peers.size() < kMaxPeersPerReply) {
        const auto peer = Endpoint::from_compact(in.take(peer_size));
        if (peer && peer->is_dialable()) reply.peers.push_back(*peer);
    }
    result_ = std::move(reply);
}

void UdpAnnounce::on_error(ByteReader in, TimePoint now) {
    if (!connecting_ && connection_is_old_) {
        // The tracker has probably been restarted and has forgotten the connection id.
        connection_.reset();
        connection_is_old_ = false;
        begin(now);
        return;
    }
    AnnounceReply reply;
    reply.failure_reason = in.rest().empty() ? "no reason given" : usable_text(as_text(in.rest()));
    result_ = std::move(reply);
}

}  // namespace btfs::tracker
