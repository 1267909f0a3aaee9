// The target of a request, as its first line has it (RFC 9112, section 3.2).
#pragma once

#include <string_view>

namespace btfs::cli {

/// Parts of a target; views of it.
struct RequestTarget {
    std::string_view host = {};  ///< with its port; empty but in the absolute form
    std::string_view path = {};  ///< percent-encoded, without the query
};

/// Splits "/path?query" and the absolute form, "http://host:port/path?query", which clients of proxies send.
/// Whatever has neither form is a path as a whole.
RequestTarget split_target(std::string_view target);

}  // namespace btfs::cli
