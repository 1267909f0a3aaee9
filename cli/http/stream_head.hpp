// The answer to a request for a file: its status, its headers, and which parts of the file follow.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cli/http/preconditions.hpp"
#include "engine/core/types.hpp"

namespace btfs::cli {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct StreamedFile {
    std::string_view name;
    std::uint64_t size = 0;  ///< in bytes
    Validators validators;
};

/// Headers of the request, each empty if it has none of that name.
struct StreamRequest {
    std::string_view range = {};
    RequestConditions conditions = {};
    std::string_view transfer_mode = {};     ///< transferMode.dlna.org
    std::string_view content_features = {};  ///< getcontentFeatures.dlna.org
    bool is_get = true;                      ///< Range means nothing in any other method (RFC 9110, 14.2)
};

struct StreamHead {
    unsigned status = 200;
    Headers headers;
    /// The body, in order: text, or bytes of the file. A HEAD request gets none of it.
    std::vector<std::variant<std::string, ByteRange>> body = {};
    std::uint64_t length = 0;  ///< of the body, in bytes
};

/// Ranges, conditions, and what televisions ask for (DLNA). Pages of other sites may show the file (CORS),
/// and nothing in it runs as a page of ours.
StreamHead stream_head(const StreamRequest& request, const StreamedFile& file);

/// Headers of the answer to OPTIONS, by which a browser asks what pages of other sites may do.
Headers preflight_headers();

}  // namespace btfs::cli
