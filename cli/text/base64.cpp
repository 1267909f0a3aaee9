#include "cli/text/base64.hpp"

#include <openssl/evp.h>

#include <memory>

namespace btfs::cli {
namespace {

using Context = std::unique_ptr<EVP_ENCODE_CTX, decltype(&EVP_ENCODE_CTX_free)>;

const unsigned char* data_of(const void* bytes) {
    return static_cast<const unsigned char*>(bytes);
}

}  // namespace

std::string to_base64(ByteView bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // OpenSSL ends it with a 0
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), data_of(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::optional<Bytes> from_base64(std::string_view text) {
    Bytes bytes(3 * (text.size() / 4) + 3);
    const Context context(EVP_ENCODE_CTX_new(), &EVP_ENCODE_CTX_free);
    auto* const out = reinterpret_cast<unsigned char*>(bytes.data());
    int size = 0, rest = 0;
    EVP_DecodeInit(context.get());
    if (EVP_DecodeUpdate(context.get(), out, &size, data_of(text.data()), static_cast<int>(text.size())) <
            0 ||
        EVP_DecodeFinal(context.get(), out + size, &rest) < 0)
        return std::nullopt;
    bytes.resize(static_cast<std::size_t>(size + rest));
    return bytes;
}

}  // namespace btfs::cli
