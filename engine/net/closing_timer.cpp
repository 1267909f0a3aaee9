#include "engine/net/closing_timer.hpp"

namespace btfs::net {

struct ClosingTimer::State : std::enable_shared_from_this<State> {
    explicit State(boost::asio::ip::tcp::socket& of) : socket(&of), timer(of.get_executor()) {}

    /// Waits for the deadline. A deadline that is put off needs no new wait: the wait that ends looks at the
    /// deadline again.
    void wait() {
        if (waiting) return;
        waiting = true;
        timer.expires_at(deadline);
        timer.async_wait([self = shared_from_this()](boost::system::error_code) {
            self->waiting = false;
            if (!self->socket) return;
            if (Clock::now() < self->deadline) return self->wait();
            self->expired = true;
            boost::system::error_code ignored;
            self->socket->close(ignored);
        });
    }

    boost::asio::ip::tcp::socket* socket;  ///< null once its owner has gone
    boost::asio::steady_timer timer;
    TimePoint deadline;
    bool waiting = false;
    bool expired = false;
};

ClosingTimer::ClosingTimer(boost::asio::ip::tcp::socket& socket) : state_(std::make_shared<State>(socket)) {}

ClosingTimer::~ClosingTimer() {
    state_->socket = nullptr;
    state_->timer.cancel();
}

void ClosingTimer::expires_at(TimePoint deadline) {
    const bool sooner = deadline < state_->deadline;
    state_->deadline = deadline;
    if (sooner) state_->timer.cancel();  // the wait ends, and begins anew
    state_->wait();
}

bool ClosingTimer::expired() const {
    return state_->expired;
}

}  // namespace btfs::net
