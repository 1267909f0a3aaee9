#include "engine/dht/item.hpp"

#include <openssl/evp.h>

#include <memory>

#include "engine/metainfo/bencode.hpp"

namespace btfs::dht {
namespace {

const unsigned char* raw(ByteView bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

bool is_signed(ByteView text, ByteView signature, const PublicKey& key) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> public_key(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(key.view()), PublicKey::kSize),
        EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    return public_key && context &&
           EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) == 1 &&
           EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(text), text.size()) == 1;
}

}  // namespace

ItemName ItemName::mutable_of(const PublicKey& publisher, std::string salt) {
    Bytes text;
    ByteWriter(text).bytes(publisher.view()).text(salt);
    return {sha1(text), publisher, std::move(salt)};
}

bool proves(const ItemName& name, const RawItem& item) {
    if (!name.publisher) return sha1(item.value) == name.target;
    if (as_bytes(item.key).size() != PublicKey::kSize || !item.sequence || *item.sequence < 0) return false;
    if (PublicKey::from(as_bytes(item.key)) != *name.publisher) return false;
    Bytes text;
    ByteWriter out(text);
    if (!name.salt.empty()) out.text("4:salt" + std::to_string(name.salt.size()) + ':' + name.salt);
    out.text("3:seqi" + std::to_string(*item.sequence) + "e1:v").bytes(item.value);
    return is_signed(text, as_bytes(item.signature), *name.publisher);
}

std::optional<Sha1Digest> info_hash_of(const RawItem& item) {
    const auto document = bencode::decode(item.value);
    if (!document) return std::nullopt;
    const auto hash = document->root().find("ih", bencode::Kind::string);
    if (!hash || hash->string().size() != Sha1Digest::kSize) return std::nullopt;
    return Sha1Digest::from(as_bytes(hash->string()));
}

}  // namespace btfs::dht
