#include "engine/portmap/pcp_exchange.hpp"

#include <chrono>

namespace btfs::portmap {

std::optional<Bytes> PcpExchange::poll_send(TimePoint now) {
    if (reply_ || now < due_ || now >= end_) return std::nullopt;
    // Doubled, and a tenth more or less, so that clients that began together do not stay together (8.1.1).
    interval_ = interval_ == Duration::zero() ? kFirstInterval : 2 * interval_;
    interval_ = std::chrono::duration_cast<Duration>(interval_ * (0.9 + 0.2 * rng_.fraction()));
    due_ = now + interval_;
    return request_.encoded();
}

void PcpExchange::handle_datagram(ByteView datagram) {
    if (reply_) return;
    auto reply = PcpReply::parse(datagram);
    if (reply && reply->answers(request_)) reply_ = std::move(reply);
}

std::optional<Result<PcpReply>> PcpExchange::outcome(TimePoint now) const {
    if (reply_) return *reply_;
    if (now >= end_) return Result<PcpReply>(Errc::timed_out);
    return std::nullopt;
}

}  // namespace btfs::portmap
