#include "engine/utp/mtu_search.hpp"

namespace btfs::utp {

MtuSearch::MtuSearch(AddressFamily family)
    : least_(family == AddressFamily::v4 ? kLeastV4 : kLeastV6),
      most_(family == AddressFamily::v4 ? kMostV4 : kMostV6),
      proven_(least_) {
    begin();
}

void MtuSearch::begin() {
    not_above_ = next_ = most_;
    tries_ = 0;
    again_at_ = kNever;
}

std::optional<std::size_t> MtuSearch::probe_wanted(TimePoint now) {
    if (now >= again_at_ && proven_ < most_) begin();
    if (probing_ || again_at_ != kNever || proven_ >= most_) return std::nullopt;
    return next_;
}

void MtuSearch::probe_arrived(std::size_t size, TimePoint now) {
    if (probing_ != size) return;
    probing_.reset();
    tries_ = 0;
    proven_ = size;
    next_ = (proven_ + not_above_ + 1) / 2;
    if (finished()) again_at_ = now + kAgainAfter;
}

void MtuSearch::probe_lost(std::size_t size, TimePoint now) {
    if (probing_ != size) return;
    probing_.reset();
    if (++tries_ < kTries) return;
    tries_ = 0;
    not_above_ = size - 1;
    next_ = (proven_ + not_above_ + 1) / 2;
    if (finished()) again_at_ = now + kAgainAfter;
}

void MtuSearch::black_hole() {
    proven_ = least_;
    probing_.reset();
    begin();
}

}  // namespace btfs::utp
