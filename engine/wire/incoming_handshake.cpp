#include "engine/wire/incoming_handshake.hpp"

#include <utility>

#include "engine/wire/handshake.hpp"

namespace btfs::wire {

IncomingHandshake::IncomingHandshake(Encryption rule, mse::FindTorrent find, SecretSource secrets)
    : rule_(rule), find_(std::move(find)), secrets_(std::move(secrets)) {}

Result<mse::Progress> IncomingHandshake::handle_bytes(ByteView bytes) {
    if (encrypted_) return encrypted_->handle_bytes(bytes);
    ByteWriter(begun_).bytes(bytes);
    if (Handshake::may_begin_so(begun_)) return on_plain();
    if (!takes_encrypted(rule_)) return Errc::encryption_refused;
    encrypted_.emplace(mse::methods_of(rule_), std::move(find_), std::move(secrets_));
    return encrypted_->handle_bytes(std::exchange(begun_, {}));
}

Result<mse::Progress> IncomingHandshake::on_plain() {
    const bool is_plain = begun_.size() >= Handshake::kProtocolSize;
    if (is_plain && !takes_plain(rule_)) return Errc::encryption_refused;
    return Handshake::parse_hash(begun_) ? mse::Progress::done : mse::Progress::needs_more;
}

Bytes IncomingHandshake::take_output() {
    return encrypted_ ? encrypted_->take_output() : Bytes{};
}

IncomingHandshake::Outcome IncomingHandshake::take_outcome() {
    if (!encrypted_) return {*Handshake::parse_hash(begun_), false, std::nullopt, std::move(begun_)};
    mse::Agreement agreement = encrypted_->take_agreement();
    return {agreement.info_hash, true, std::move(agreement.ciphers), std::move(agreement.received)};
}

}  // namespace btfs::wire
