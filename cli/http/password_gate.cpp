#include "cli/http/password_gate.hpp"

#include <algorithm>

#include "cli/http/header_text.hpp"
#include "cli/text/base64.hpp"
#include "engine/core/secret.hpp"

namespace btfs::cli {
namespace {

constexpr std::string_view kBasic = "Basic ";
constexpr unsigned kMaxDoublings = 16;

std::optional<std::string> password_in(std::string_view authorization) {
    if (authorization.size() < kBasic.size() ||
        !equals_ignoring_case(authorization.substr(0, kBasic.size()), kBasic))
        return std::nullopt;
    const auto decoded = from_base64(authorization.substr(kBasic.size()));
    if (!decoded) return std::nullopt;
    const std::string login(as_text(*decoded));
    const std::size_t colon = login.find(':');
    if (colon == std::string::npos) return std::nullopt;
    return login.substr(colon + 1);
}

}  // namespace

PasswordGate::PasswordGate(const std::optional<std::string>& password) {
    if (password) password_ = sha256(as_bytes(*password));
}

PasswordGate::Verdict PasswordGate::check(std::string_view authorization, const Client& client,
                                          TimePoint now) {
    if (!password_) return Verdict::open;
    if (authorization.empty()) return Verdict::closed;
    if (wait_of(client, now) > Duration::zero()) return Verdict::too_soon;
    const auto given = password_in(authorization);
    // Digests are of one length: not even that of the password is told.
    const auto digest = sha256(as_bytes(given.value_or("")));
    if (given && is_same_secret(as_text(password_->view()), as_text(digest.view()))) {
        std::erase_if(failures_,
                      [&](const Failures& each) { return each.network == client.address.network(); });
        if (client.forwarded) forwarded_failures_ = 0;
        return Verdict::open;
    }
    count_failure(client, now);
    return Verdict::closed;
}

Duration PasswordGate::wait_of(const Client& client, TimePoint now) const {
    TimePoint until = client.forwarded ? forwarded_until_ : now;
    if (const Failures* const found = find(client.address.network())) until = std::max(until, found->until);
    return std::max<Duration>(until - now, Duration::zero());
}

const PasswordGate::Failures* PasswordGate::find(const Address& network) const {
    const auto found = std::ranges::find(failures_, network, &Failures::network);
    return found == failures_.end() ? nullptr : &*found;
}

void PasswordGate::count_failure(const Client& client, TimePoint now) {
    if (client.forwarded && ++forwarded_failures_ >= kMostForwarded) forwarded_until_ = now + kForwardedWait;
    const Address network = client.address.network();
    Failures failures{.network = network};
    if (const auto found = std::ranges::find(failures_, network, &Failures::network);
        found != failures_.end()) {
        failures = *found;
        failures_.erase(found);
    }
    const unsigned doublings = std::min(failures.count++, kMaxDoublings);
    failures.until = now + std::min<Duration>(kFirstWait * (1U << doublings), kLongestWait);
    if (failures_.size() == kMaxAddresses) failures_.pop_front();
    failures_.push_back(failures);
}

}  // namespace btfs::cli
