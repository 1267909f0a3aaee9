// Info dictionary as it is handed out to one peer (BEP 9).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "engine/core/bytes.hpp"

namespace btfs::wire {

/// Answers ut_metadata requests. Knows the dictionary, or that there is none to hand out.
class MetadataServer {
  public:
    /// While more bytes of messages wait to be sent, requests are refused; beyond twice that they are
    /// ignored, since the peer does not take refusals either.
    static constexpr std::size_t kMaxBacklog = 512 * 1024;

    /// Null: every request is refused.
    explicit MetadataServer(std::shared_ptr<const Bytes> info) : info_(std::move(info)) {}

    /// Bytes of the dictionary; nothing if it is not handed out.
    std::optional<std::uint32_t> size() const;
    /// The payload that answers a request for a piece of 16 KiB: data or reject; nothing if it is ignored.
    std::optional<Bytes> answer(std::uint32_t piece, std::size_t backlog) const;

  private:
    std::shared_ptr<const Bytes> info_;
};

}  // namespace btfs::wire
