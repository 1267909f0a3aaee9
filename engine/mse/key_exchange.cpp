#include "engine/mse/key_exchange.hpp"

#include <openssl/bn.h>

#include <memory>
#include <new>

namespace btfs::mse {
namespace {

constexpr const char* kPrime =
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A63A36210000000000090563";
constexpr BN_ULONG kGenerator = 2;

struct Free {
    void operator()(BIGNUM* number) const { BN_clear_free(number); }
    void operator()(BN_CTX* context) const { BN_CTX_free(context); }
};
using Number = std::unique_ptr<BIGNUM, Free>;

/// OpenSSL fails in these functions for want of memory alone.
void check(int succeeded) {
    if (succeeded != 1) throw std::bad_alloc();
}

Number made(BIGNUM* number) {
    if (!number) throw std::bad_alloc();
    return Number(number);
}

Number number_of(ByteView bytes) {
    return made(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                          static_cast<int>(bytes.size()), nullptr));
}

Number prime() {
    BIGNUM* number = nullptr;
    if (BN_hex2bn(&number, kPrime) == 0) throw std::bad_alloc();
    return Number(number);
}

/// Returns base ^ exponent mod p.
Key power(const BIGNUM* base, ByteView exponent_bytes) {
    const std::unique_ptr<BN_CTX, Free> context(BN_CTX_new());
    if (!context) throw std::bad_alloc();
    const Number exponent = number_of(exponent_bytes), result = made(BN_new());
    BN_set_flags(exponent.get(), BN_FLG_CONSTTIME);
    check(BN_mod_exp(result.get(), base, exponent.get(), prime().get(), context.get()));
    Key key;
    if (BN_bn2binpad(result.get(), reinterpret_cast<unsigned char*>(key.data()), kKeySize) < 0)
        throw std::bad_alloc();
    return key;
}

}  // namespace

KeyExchange::KeyExchange(const SecretSource& secrets) {
    secrets(private_);
    const Number generator = made(BN_new());
    check(BN_set_word(generator.get(), kGenerator));
    public_ = power(generator.get(), private_);
}

Result<Key> KeyExchange::shared_secret(ByteView their_public_key) const {
    if (their_public_key.size() != kKeySize) return Errc::encryption_malformed;
    const Number theirs = number_of(their_public_key), limit = prime();
    check(BN_sub_word(limit.get(), 1));
    if (BN_is_zero(theirs.get()) || BN_is_one(theirs.get()) || BN_cmp(theirs.get(), limit.get()) >= 0)
        return Errc::encryption_malformed;
    return power(theirs.get(), private_);
}

}  // namespace btfs::mse
