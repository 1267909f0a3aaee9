#include "engine/net/encrypted_stream.hpp"

#include <algorithm>
#include <utility>

namespace btfs::net {

EncryptedStream::EncryptedStream(std::unique_ptr<Stream> inner, const mse::Ciphers& ciphers)
    : inner_(std::move(inner)), ciphers_(ciphers) {}

Result<std::size_t> EncryptedStream::read(std::span<const iovec> into) {
    const auto n = inner_->read(into);
    if (!n) return n;
    std::size_t left = *n;
    for (const iovec& part : into) {
        if (left == 0) break;
        const std::size_t size = std::min(left, part.iov_len);
        ciphers_.incoming.apply(std::span(static_cast<std::byte*>(part.iov_base), size));
        left -= size;
    }
    return n;
}

Result<std::size_t> EncryptedStream::write(std::span<const iovec> from) {
    if (const Error error = flush()) return error;
    if (!is_flushed()) return std::size_t{0};
    std::size_t wanted = 0;
    for (const iovec& part : from) wanted = std::min(wanted + part.iov_len, kBufferSize);
    if (wanted > capacity_) {
        capacity_ = std::max(wanted, std::min(2 * capacity_, kBufferSize));
        buffer_ = std::make_unique_for_overwrite<std::byte[]>(capacity_);
    }
    begin_ = end_ = 0;
    for (const iovec& part : from) {
        const std::size_t size = std::min(part.iov_len, wanted - end_);
        ciphers_.outgoing.apply({static_cast<const std::byte*>(part.iov_base), size}, buffer_.get() + end_);
        end_ += size;
    }
    const std::size_t taken = end_;
    if (const Error error = flush()) return error;
    if (!is_flushed() && !waiting_) wait_to_flush();
    return taken;
}

Error EncryptedStream::flush() {
    while (!broken_ && !is_flushed()) {
        const iovec rest{buffer_.get() + begin_, end_ - begin_};
        const auto n = inner_->write({&rest, 1});
        if (!n) {
            broken_ = n.error();
        } else if (*n == 0) {
            break;
        } else {
            begin_ += *n;
        }
    }
    return broken_;
}

void EncryptedStream::wait_writable(Ready ready) {
    ready_ = std::move(ready);
    if (!waiting_) wait_to_flush();
}

void EncryptedStream::wait_to_flush() {
    waiting_ = true;
    inner_->wait_writable([this, alive = std::weak_ptr(alive_)](Error error) {
        if (!alive.expired()) on_writable(error);
    });
}

void EncryptedStream::on_writable(Error error) {
    waiting_ = false;
    if (!error) error = flush();
    if (!error && !is_flushed()) return wait_to_flush();
    broken_ = error;
    if (const Ready ready = std::exchange(ready_, nullptr)) ready(error);  // which may destroy this
}

}  // namespace btfs::net
