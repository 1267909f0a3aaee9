// One request of the kernel, and its answer. Included only where libfuse is.
#pragma once

#include <sys/uio.h>

#include <cerrno>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fs/file_state.hpp"
#include "fs/libfuse.hpp"

namespace btfs {

/// Owns one request until it is answered. Each function below answers it, and one of them may be called once.
/// The destructor answers a request that was not with EIO, so that no program waits for ever. From any
/// thread.
class FuseRequest {
  public:
    /// IOV_MAX, but for libfuse's own header. Pieces may be as small as a byte, each a part of its own.
    static constexpr std::size_t kMaxParts = 1023;

    explicit FuseRequest(fuse_req_t request) : request_(request) {}
    FuseRequest(FuseRequest&& other) noexcept : request_(std::exchange(other.request_, nullptr)) {}
    FuseRequest& operator=(FuseRequest&&) = delete;
    ~FuseRequest() {
        if (request_ != nullptr) fuse_reply_err(request_, EIO);
    }

    /// Answers with an errno; 0 is success without content.
    void error(int number) { fuse_reply_err(take(), number); }
    void none() { fuse_reply_none(take()); }
    void entry(const fuse_entry_param& entry) { fuse_reply_entry(take(), &entry); }
    void attributes(const struct stat& attributes, double timeout) {
        fuse_reply_attr(take(), &attributes, timeout);
    }
    void symlink(const std::string& target) { fuse_reply_readlink(take(), target.c_str()); }
    /// Returns false if the kernel has taken the open back, since its program was interrupted: no RELEASE
    /// follows.
    [[nodiscard]] bool opened(const fuse_file_info& file) { return fuse_reply_open(take(), &file) == 0; }
    /// As opened(), of a file that was made.
    [[nodiscard]] bool created(const fuse_entry_param& entry, const fuse_file_info& file) {
        return fuse_reply_create(take(), &entry, &file) == 0;
    }
    void written(std::size_t size) { fuse_reply_write(take(), size); }
    void statistics(const struct statvfs& statistics) { fuse_reply_statfs(take(), &statistics); }
    void ioctl(const FileState& state) { fuse_reply_ioctl(take(), 0, &state, sizeof state); }
    void bytes(std::span<const char> bytes) { fuse_reply_buf(take(), bytes.data(), bytes.size()); }
    /// In as many parts as they come: more than writev() takes are copied together.
    void bytes(std::span<const iovec> parts) {
        if (parts.size() <= kMaxParts) {
            fuse_reply_iov(take(), parts.data(), static_cast<int>(parts.size()));
            return;
        }
        std::vector<char> whole;
        for (const iovec& part : parts) {
            const auto* from = static_cast<const char*>(part.iov_base);
            whole.insert(whole.end(), from, from + part.iov_len);
        }
        bytes(whole);
    }

    /// Returns the request for libfuse's other functions; the caller does not answer it.
    fuse_req_t get() const { return request_; }

  private:
    fuse_req_t take() { return std::exchange(request_, nullptr); }

    fuse_req_t request_;
};

}  // namespace btfs
