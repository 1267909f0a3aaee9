#include "engine/dht/tokens.hpp"

namespace btfs::dht {

Tokens::Tokens(Rng& rng, TimePoint now) : rng_(rng), turned_(now) {
    rng_.fill(current_);
    rng_.fill(previous_);
}

void Tokens::turn(TimePoint now) {
    if (now < turned_ + kSecretLife) return;
    previous_ = current_;
    rng_.fill(current_);
    if (now >= turned_ + 2 * kSecretLife) rng_.fill(previous_);
    turned_ = now;
}

std::string Tokens::of(const Secret& secret, const Address& address, const NodeId& info_hash) {
    Bytes text;
    ByteWriter(text).bytes(secret).bytes(address.bytes()).bytes(info_hash.view());
    return std::string(as_text(sha1(text).view().first(8)));
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
