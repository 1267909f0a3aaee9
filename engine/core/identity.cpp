#include "engine/core/identity.hpp"

#include <cassert>

namespace btfs {
namespace {

Sha1Digest truncated(const Sha256Digest& hash) {
    return Sha1Digest::from(hash.view().first(Sha1Digest::kSize));
}

}  // namespace

Sha1Digest Identity::wire_hash() const {
    assert(v1 || v2);
    return v1 ? *v1 : truncated(*v2);
}

std::vector<Sha1Digest> Identity::wire_hashes() const {
    std::vector<Sha1Digest> hashes;
    if (v1) hashes.push_back(*v1);
    if (v2) hashes.push_back(truncated(*v2));
    return hashes;
}

bool Identity::answers_to(const Sha1Digest& hash) const {
    return (v1 && *v1 == hash) || (v2 && truncated(*v2) == hash);
}

bool Identity::names(ByteView info) const {
    if (v1 && sha1(info) != *v1) return false;
    if (v2 && sha256(info) != *v2) return false;
    return v1 || v2;
}

std::string Identity::cache_key() const {
    assert(v1 || v2);
    return v1 ? v1->hex() : v2->hex();
}

}  // namespace btfs
