#include "cli/web/content_reads.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <optional>

namespace btfs::cli {
namespace asio = boost::asio;

/// Result of one read, shared by the reply, which is anywhere, and the coroutine that waits. Nothing of
/// Asio is in it, since the reply may outlive the io_context: the coroutine lends its timer.
class ContentReads::Answer {
  public:
    // ---- the reply, on any thread ----
    void set_id(ReadId id) {
        std::lock_guard lock(mutex_);
        id_ = id;
    }
    void data(std::span<const iovec> parts, const std::shared_ptr<Answer>& self) {
        std::size_t size = 0;
        for (const iovec& part : parts) size += part.iov_len;
        std::vector<char> bytes;
        bytes.reserve(size);
        for (const iovec& part : parts) {
            const char* const from = static_cast<const char*>(part.iov_base);
            bytes.insert(bytes.end(), from, from + part.iov_len);
        }
        end({}, std::move(bytes), self);
    }
    void fail(const Error& error, const std::shared_ptr<Answer>& self) { end(error, {}, self); }

    // ---- the coroutine ----
    bool is_there() const {
        std::lock_guard lock(mutex_);
        return outcome_.has_value();
    }
    ReadId id() const {
        std::lock_guard lock(mutex_);
        return id_;
    }
    /// The timer is cancelled on its own executor when the answer is there; null: it is going.
    void lend(asio::steady_timer* timer) {
        std::lock_guard lock(mutex_);
        timer_ = timer;
    }
    Result<std::vector<char>> take() {
        std::lock_guard lock(mutex_);
        if (*outcome_) return *outcome_;
        return std::move(bytes_);
    }

  private:
    void end(const Error& error, std::vector<char> bytes, const std::shared_ptr<Answer>& self) {
        std::lock_guard lock(mutex_);
        if (outcome_) return;
        outcome_ = error;
        bytes_ = std::move(bytes);
        // The io_context lives while a timer is lent.
        if (timer_ != nullptr) asio::post(timer_->get_executor(), [self] { self->wake(); });
    }
    void wake() {
        std::lock_guard lock(mutex_);
        if (timer_ != nullptr) timer_->cancel();
    }

    mutable std::mutex mutex_;  // guards what follows
    std::optional<Error> outcome_;
    std::vector<char> bytes_;
    ReadId id_ = 0;
    asio::steady_timer* timer_ = nullptr;
};

class ContentReads::Reply final : public InterruptibleReply {
  public:
    explicit Reply(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
    /// A reply that is dropped is a read that has failed.
    ~Reply() override { answer_->fail(Errc::storage_failed, answer_); }

    void watch_interrupts(ReadId id) override { answer_->set_id(id); }
    void data(std::span<const iovec> parts) override { answer_->data(parts, answer_); }
    void fail(Error error) override { answer_->fail(error, answer_); }

  private:
    const std::shared_ptr<Answer> answer_;
};

Result<std::unique_ptr<ContentReads>> ContentReads::open(Filesystem& files, NodeId node,
                                                         const RemoteReader& reader) {
    const auto handle = files.open(node, Opening{.remote = reader});
    if (!handle) return handle.error();
    return std::unique_ptr<ContentReads>(new ContentReads(files, **handle));
}

ContentReads::ContentReads(Filesystem& files, Handle& handle) : files_(files), handle_(handle) {}

ContentReads::~ContentReads() {
    abandon();
    files_.release(handle_);
}

void ContentReads::abandon() {
    abandoned_ = true;
    if (waiting_) files_.read_path().interrupt(waiting_->id());
}

net::Awaitable<Result<std::span<const char>>> ContentReads::read(ByteRange range) {
    if (abandoned_) co_return Errc::cancelled;
    const auto answer = std::make_shared<Answer>();
    handle_.read({.range_in_file = range}, std::make_unique<Reply>(answer));
    if (!answer->is_there()) {
        waiting_ = answer;
        asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
        // Takes the timer back, also when the server ends and this coroutine is destroyed where it waits.
        struct Loan {
            Loan(Answer& to, asio::steady_timer& timer) : answer(to) { answer.lend(&timer); }
            ~Loan() { answer.lend(nullptr); }
            Answer& answer;
        } loan(*answer, timer);
        while (!answer->is_there()) co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        waiting_.reset();
    }
    auto bytes = answer->take();
    if (!bytes) co_return bytes.error();
    bytes_ = std::move(*bytes);
    co_return std::span<const char>(bytes_);
}

}  // namespace btfs::cli
