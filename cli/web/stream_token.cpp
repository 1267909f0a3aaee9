#include "cli/web/stream_token.hpp"

#include <algorithm>
#include <array>

#include "cache/disk/whole_file.hpp"
#include "engine/core/hex.hpp"
#include "engine/core/secret.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

constexpr const char* kName = "stream-token";
constexpr std::size_t kSecretSize = 16;
constexpr unsigned kMode = 0600, kFolderMode = 0700;

std::string new_token() {
    std::array<std::byte, kSecretSize> secret{};
    fill_secret(secret);
    return to_hex(secret);
}

bool is_token(std::string_view text) {
    const auto bytes = from_hex(text);
    return bytes && bytes->size() == kSecretSize;
}

}  // namespace

std::string stream_token(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / kName;
    if (const auto kept = read_whole(file, 2 * kSecretSize); kept && is_token(as_text(*kept)))
        return std::string(as_text(*kept));
    std::string token = new_token();
    if (folder.empty()) return token;
    std::error_code error;
    if (std::filesystem::create_directories(folder, error))
        std::filesystem::permissions(folder, std::filesystem::perms{kFolderMode}, error);
    if (const Error failed = write_whole(file, as_bytes(token), kMode))
        log::warn("links to streams will lead nowhere after a restart: {}: {}", file.string(),
                  failed.message());
    return token;
}

}  // namespace btfs::cli
