#include "engine/net/datagram_socket.hpp"

#include <unistd.h>

#include <utility>

namespace btfs::net {
namespace {

constexpr Duration kEntryRetry = 1s;

}  // namespace

DatagramSocket::DatagramSocket(Socket socket, std::function<Turn()> turn)
    : socket_(std::move(socket)),
      handle_(socket_.native_handle()),
      port_(socket_.local_endpoint().port()),
      protocol_(socket_.local_endpoint().protocol()),
      turn_(std::move(turn)),
      rest_(socket_.get_executor()) {
    wait();
}

DatagramSocket::~DatagramSocket() {
    if (!in_loop()) ::close(handle_);
}

void DatagramSocket::wait() {
    if (!in_loop()) {
        const TimePoint now = Clock::now();
        if (now < next_entry_) return rest_until(now + kRest);
        Error error;
        socket_.assign(protocol_, handle_, error);
        if (error) {  // the loop has no memory for it
            next_entry_ = now + kEntryRetry;
            return rest_until(now + kRest);
        }
        if (writable_) await_writable();
    }
    socket_.async_wait(Socket::wait_read, [this](Error error) {
        if (!error) take_turn();
    });
}

void DatagramSocket::rest_until(TimePoint time) {
    if (in_loop()) {
        Error error;
        socket_.release(error);  // ends what waits
        if (error) return wait();
    }
    rest_.expires_at(time);
    rest_.async_wait([this](Error error) {
        if (error) return;
        take_turn();
        tell_writable();
    });
}

void DatagramSocket::take_turn() {
    const TimePoint now = Clock::now();
    const Turn turn = turn_();
    const TimePoint before = last_read_;
    if (turn.any) last_read_ = now;
    const bool flows = now < (in_loop() ? before : last_read_) + kFlowing;
    if (!flows) return wait();
    rest_until(turn.drained ? now + kRest : now);
}

void DatagramSocket::when_writable(std::function<void()> writable) {
    const bool waits = std::exchange(writable_, std::move(writable)) != nullptr;
    if (!waits && in_loop()) await_writable();
}

void DatagramSocket::await_writable() {
    socket_.async_wait(Socket::wait_write, [this](Error error) {
        if (!error) tell_writable();
    });
}

void DatagramSocket::tell_writable() {
    if (const auto writable = std::exchange(writable_, nullptr)) writable();
}

}  // namespace btfs::net
