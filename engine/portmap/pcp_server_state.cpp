#include "engine/portmap/pcp_server_state.hpp"

#include <chrono>

namespace btfs::portmap {

bool PcpEpoch::handle_reply(std::uint32_t epoch_s, TimePoint now) {
    const std::optional<Reply> last = std::exchange(last_, Reply{epoch_s, now});
    if (!last) return true;
    const std::int64_t theirs = std::int64_t{epoch_s} - last->epoch_s;
    // Replies may overtake each other, by a second.
    if (theirs < -1) return false;
    // Clocks may differ by one in 16, and by what rounding to seconds takes away.
    const std::int64_t ours = std::chrono::floor<std::chrono::seconds>(now - last->time).count();
    return ours + 2 >= theirs - theirs / 16 && theirs + 2 >= ours - ours / 16;
}

const PcpNonce& PcpServerState::nonce(Transport transport, std::uint16_t internal_port) {
    const auto [at, is_new] = nonces_.try_emplace({transport, internal_port});
    if (is_new) secrets_(at->second);
    return at->second;
}

void PcpServerState::handle_reply(const PcpReply& reply, TimePoint now) {
    // Servers of NAT-PMP tell no epoch here.
    if (reply.result == PcpResult::unsupported_version) return;
    if (!epoch_.handle_reply(reply.epoch_s, now)) lost_ = true;
}

}  // namespace btfs::portmap
