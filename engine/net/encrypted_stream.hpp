// EncryptedStream: a stream whose bytes are enciphered with RC4 (engine/mse), over another one.
#pragma once

#include <memory>

#include "engine/mse/handshake.hpp"
#include "engine/net/stream.hpp"

namespace btfs::net {

/// Deciphers in place what the inner stream has read. What is written is enciphered into a buffer, which
/// grows with the longest write up to kBufferSize; a byte that was enciphered counts as written, and goes out
/// as soon as the inner stream takes it, whether or not anybody writes or waits again.
class EncryptedStream final : public Stream {
  public:
    /// As much as is enciphered at a time: it is behind everything that the session sends later.
    static constexpr std::size_t kBufferSize = 64 * 1024;

    /// The ciphers as they are behind the handshake.
    EncryptedStream(std::unique_ptr<Stream> inner, const mse::Ciphers& ciphers);

    Result<std::size_t> read(std::span<const iovec> into) override;
    Result<std::size_t> write(std::span<const iovec> from) override;
    void set_receive_low_water(std::size_t bytes) override { inner_->set_receive_low_water(bytes); }
    void acknowledge_soon() override { inner_->acknowledge_soon(); }
    std::optional<RoundTrip> round_trip() override { return inner_->round_trip(); }
    std::optional<Reception> reception() override { return inner_->reception(); }
    void wait_readable(Ready ready) override { inner_->wait_readable(std::move(ready)); }
    void wait_writable(Ready ready) override;
    const Endpoint& remote() const override { return inner_->remote(); }
    Address local() const override { return inner_->local(); }
    Address next_host() const override { return inner_->next_host(); }
    bool is_utp() const override { return inner_->is_utp(); }

  private:
    /// Writes what is enciphered, as much as the inner stream takes.
    Error flush();
    bool is_flushed() const { return begin_ == end_; }
    void wait_to_flush();
    void on_writable(Error error);

    std::unique_ptr<Stream> inner_;
    mse::Ciphers ciphers_;
    /// Enciphered bytes that the inner stream has not taken: of buffer_, from begin_ up to end_.
    std::unique_ptr<std::byte[]> buffer_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0, end_ = 0;
    bool waiting_ = false;  ///< for the inner stream to be writable
    Ready ready_;           ///< of the caller's wait, if there is one
    Error broken_;
    /// Told to waits of the inner stream that have ended already.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace btfs::net
