#include "engine/dht/tokens.hpp"

namespace btfs::dht {

Tokens::Tokens(SecretSource secrets, TimePoint now) : fill_(std::move(secrets)), turned_(now) {
    fill_(current_);
    fill_(previous_);
}

void Tokens::turn(TimePoint now) {
    if (now < turned_ + kSecretLife) return;
    previous_ = current_;
    fill_(current_);
    if (now >= turned_ + 2 * kSecretLife) fill_(previous_);
    turned_ = now;
}

std::string Tokens::of(const Secret& secret, const Address& address, const NodeId& info_hash) {
    Bytes text;
    ByteWriter(text).bytes(address.bytes()).bytes(info_hash.view());
    return std::string(as_text(hmac_sha256(secret, text).view().first(kTokenSize)));
}

std::string Tokens::make(const Address& address, const NodeId& info_hash, TimePoint now) {
    turn(now);
    return of(current_, address, info_hash);
}

bool Tokens::holds(std::string_view token, const Address& address, const NodeId& info_hash, TimePoint now) {
    turn(now);
    return token == of(current_, address, info_hash) || token == of(previous_, address, info_hash);
}

}  // namespace btfs::dht
