#include "engine/net/handshake_exchange.hpp"

#include <array>
#include <utility>

namespace btfs::net {

HandshakeExchange::HandshakeExchange(Stream& stream, Machine machine, Ended ended)
    : stream_(stream), machine_(std::move(machine)), ended_(std::move(ended)) {}

void HandshakeExchange::start() {
    if (write()) wait_readable();
}

void HandshakeExchange::wait_readable() {
    stream_.wait_readable([this, alive = std::weak_ptr(alive_)](Error error) {
        if (!alive.expired()) on_readable(error);
    });
}

void HandshakeExchange::on_readable(Error error) {
    if (error) return end(error);
    std::array<std::byte, kReadSize> bytes;
    const iovec into{bytes.data(), bytes.size()};
    const auto n = stream_.read({&into, 1});
    if (!n) return end(n.error());
    if (*n > 0) {
        const auto progress = machine_.handle_bytes(ByteView(bytes).first(*n));
        if (!progress) return end(progress.error());
        done_ = *progress == mse::Progress::done;
    }
    if (write() && !done_) wait_readable();
}

bool HandshakeExchange::write() {
    ByteWriter(unsent_).bytes(machine_.take_output());
    if (waiting_to_write_) return true;
    while (!unsent_.empty()) {
        const iovec from{unsent_.data(), unsent_.size()};
        const auto n = stream_.write({&from, 1});
        if (!n) {
            end(n.error());
            return false;
        }
        if (*n == 0) {
            waiting_to_write_ = true;
            stream_.wait_writable([this, alive = std::weak_ptr(alive_)](Error error) {
                if (alive.expired()) return;
                waiting_to_write_ = false;
                error ? end(error) : void(write());
            });
            return true;
        }
        unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(*n));
    }
    if (!done_) return true;
    end({});
    return false;
}

void HandshakeExchange::end(Error error) {
    alive_.reset();
    const Ended ended = std::move(ended_);
    ended(error);  // which may destroy this
}

}  // namespace btfs::net
