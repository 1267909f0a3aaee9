#include "engine/net/web_seed_stream.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <deque>
#include <utility>

#include "engine/http/http_url.hpp"
#include "engine/log/log.hpp"
#include "engine/net/web_seed_lanes.hpp"
#include "engine/webseed/web_seed.hpp"
#include "engine/wire/extended.hpp"
#include "engine/wire/messages.hpp"

namespace btfs::net {
namespace asio = boost::asio;

/// The far side. All of it is on the engine thread; nothing of it runs once `closed` is set.
class WebSeedStream::Core : public std::enable_shared_from_this<Core> {
  public:
    explicit Core(Setup the_setup)
        : setup(std::move(the_setup)),
          machine(setup.layout, setup.http.memory, setup.gap_end, Clock::now(),
                  std::holds_alternative<webseed::PieceUrls>(setup.http.urls) ? webseed::Protocol::pieces
                                                                              : webseed::Protocol::files),
          lanes(std::make_shared<WebSeedLanes>(setup.http, machine, [this] { after_event(); })),
          timer(setup.http.io) {}

    // ---- the peer's side ----
    Result<std::size_t> read(std::span<const iovec> into);
    void take(ByteView bytes);
    void signal_readable();
    void piece_failed(PieceIndex piece) {
        machine.on_piece_failed(piece, Clock::now());
        after_event();
    }
    void close();

    const Setup setup;
    Ready readable;
    bool closed = false;

  private:
    void greet();
    void handle(ByteView body);
    void send(const wire::Message& message);
    void send_block(webseed::BlockReady ready);
    void set_choking(bool choking);

    void after_event();
    void arm_timer();
    void carry_out(const webseed::Fetch& action) { lanes->fetch(action); }
    void carry_out(const webseed::CloseLane& action) { lanes->close(action.lane); }
    void carry_out(webseed::BlockReady& action) { send_block(std::move(action)); }
    void carry_out(const webseed::BlockDenied& action);
    void carry_out(const webseed::Rested& action);
    void carry_out(const webseed::Resumed&) { set_choking(false); }
    void carry_out(const webseed::PieceOffered& action) { send(wire::Have{action.piece}); }
    void carry_out(const webseed::PieceWithdrawn& action);
    void carry_out(const webseed::FileDistrusted& action);
    void carry_out(const webseed::Ended& action);

    std::string shown_url(FileIndex file) const;

    webseed::WebSeed machine;
    std::shared_ptr<WebSeedLanes> lanes;  ///< shared with their coroutines; closed before the machine goes
    Bytes in;                             ///< a message of ours that is not whole
    std::deque<Bytes> out;                ///< to be read
    std::size_t out_begin = 0;            ///< bytes of the first that were read
    bool greeted = false;
    bool choking = true;
    bool failed_before = false;
    Error broken;
    asio::steady_timer timer;
    TimePoint armed = kNever;
};

// ---- the peer's side ----

Result<std::size_t> WebSeedStream::Core::read(std::span<const iovec> into) {
    std::size_t taken = 0;
    for (const iovec& place : into) {
        std::size_t filled = 0;
        while (filled < place.iov_len && !out.empty()) {
            const std::size_t n = std::min(place.iov_len - filled, out.front().size() - out_begin);
            std::memcpy(static_cast<std::byte*>(place.iov_base) + filled, out.front().data() + out_begin, n);
            filled += n;
            out_begin += n;
            if (out_begin < out.front().size()) continue;
            out.pop_front();
            out_begin = 0;
        }
        taken += filled;
        if (out.empty()) break;
    }
    if (taken == 0 && broken) return broken;
    return taken;
}

/// Takes bytes of our side, and handles the messages that are whole.
void WebSeedStream::Core::take(ByteView bytes) {
    in.insert(in.end(), bytes.begin(), bytes.end());
    std::size_t at = 0;
    if (!greeted) {
        if (in.size() < wire::Handshake::kSize) return;
        at = wire::Handshake::kSize;
        greet();
    }
    for (;;) {
        ByteReader reader(ByteView(in).subspan(at));
        if (reader.rest().size() < 4) break;
        const std::uint32_t size = reader.u32();
        if (reader.rest().size() < size) break;
        if (size == 0) send(wire::KeepAlive{});  // answered, so that neither side takes the other for dead
        if (size > 0) handle(reader.take(size));
        at += 4 + size;
    }
    in.erase(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(at));
    machine.settle(Clock::now());
    after_event();
}

void WebSeedStream::Core::greet() {
    greeted = true;
    wire::Handshake handshake;
    handshake.capabilities = {.fast = true, .extended = true};
    handshake.info_hash = setup.info_hash;
    handshake.peer_id = setup.peer_id;
    const auto raw = handshake.encode();
    out.emplace_back(raw.begin(), raw.end());
    if (machine.offered().all()) {
        send(wire::HaveAll{});
    } else {
        send(wire::BitfieldMessage{machine.offered().bytes()});
    }
    wire::ExtendedHandshake extended;
    extended.reqq = kReqq;
    extended.upload_only = true;
    extended.client = "web seed";
    const Bytes payload = extended.encode();
    send(wire::Extended{wire::kExtendedHandshakeId, payload});
    if (!machine.resting()) set_choking(false);
}

void WebSeedStream::Core::handle(ByteView body) {
    const auto message = wire::parse_message(body);
    if (!message) return;
    if (const auto* request = std::get_if<wire::Request>(&*message)) {
        machine.request(request->block);
    } else if (const auto* cancel = std::get_if<wire::Cancel>(&*message)) {
        if (machine.cancel(cancel->block)) send(wire::RejectRequest{cancel->block});
    }
}

void WebSeedStream::Core::send(const wire::Message& message) {
    if (out.empty() || out.back().size() >= kBlockSize) out.emplace_back();
    wire::append_message(out.back(), message);
}

void WebSeedStream::Core::send_block(webseed::BlockReady ready) {
    std::array<std::byte, wire::kPieceHeaderSize> header;
    wire::write_piece_header(header, ready.block);
    out.emplace_back(header.begin(), header.end());
    out.push_back(std::move(ready.data));
}

void WebSeedStream::Core::set_choking(bool value) {
    if (!greeted || std::exchange(choking, value) == value) return;
    value ? send(wire::Choke{}) : send(wire::Unchoke{});
}

void WebSeedStream::Core::signal_readable() {
    if (!readable || (out.empty() && !broken)) return;
    asio::post(setup.http.io, [core = shared_from_this(), ready = std::exchange(readable, nullptr)] {
        if (!core->closed) ready({});
    });
}

void WebSeedStream::Core::close() {
    closed = true;
    readable = nullptr;
    timer.cancel();
    lanes->close_all();
}

// ---- actions of the machine ----

void WebSeedStream::Core::after_event() {
    if (closed) return;
    for (auto actions = machine.take_actions(); !actions.empty(); actions = machine.take_actions())
        for (webseed::SeedAction& action : actions) std::visit([this](auto& a) { carry_out(a); }, action);
    if (!machine.resting() && !broken) set_choking(false);
    lanes->wake();
    signal_readable();
    arm_timer();
}

void WebSeedStream::Core::arm_timer() {
    const TimePoint next = machine.next_timeout();
    if (next >= armed || broken) return;  // the timer fires earlier and is armed anew then
    armed = next;
    timer.expires_at(next);
    timer.async_wait([core = shared_from_this()](Error error) {
        if (error || core->closed) return;
        core->armed = kNever;
        core->machine.handle_timeout(Clock::now());
        core->after_event();
    });
}

/// A peer that refuses without choking us would count as silent.
void WebSeedStream::Core::carry_out(const webseed::BlockDenied& action) {
    set_choking(true);
    send(wire::RejectRequest{action.block});
}

void WebSeedStream::Core::carry_out(const webseed::Rested& action) {
    log::at(std::exchange(failed_before, true) ? log::Level::debug : log::Level::info,
            "{}: {}; tried again in {:.0f} s", setup.name, action.reason.message(), seconds(action.length));
    set_choking(true);
}

void WebSeedStream::Core::carry_out(const webseed::PieceWithdrawn& action) {
    const Bytes payload = wire::encode_dont_have(action.piece);
    send(wire::Extended{wire::kDontHaveId, payload});
}

void WebSeedStream::Core::carry_out(const webseed::FileDistrusted& action) {
    log::info("{}: {} is not asked for any more: {}", setup.name,
              http::without_credentials(shown_url(action.file)), action.reason.message());
}

void WebSeedStream::Core::carry_out(const webseed::Ended& action) {
    log::info("{}: not used any more: {}", setup.name, action.reason.message());
    broken = action.reason;
    set_choking(true);
}

/// For the log.
std::string WebSeedStream::Core::shown_url(FileIndex file) const {
    if (const auto* pieces = std::get_if<webseed::PieceUrls>(&setup.http.urls)) return pieces->seed_url();
    return std::get<webseed::FileUrls>(setup.http.urls).url(file);
}

// ---- the stream ----

WebSeedStream::WebSeedStream(Setup setup) : core_(std::make_shared<Core>(std::move(setup))) {}

WebSeedStream::~WebSeedStream() {
    core_->close();
}

void WebSeedStream::on_piece_failed(PieceIndex piece) {
    core_->piece_failed(piece);
}

Result<std::size_t> WebSeedStream::read(std::span<const iovec> into) {
    return core_->read(into);
}

Result<std::size_t> WebSeedStream::write(std::span<const iovec> from) {
    Bytes all;
    for (const iovec& part : from) {
        const auto* bytes = static_cast<const std::byte*>(part.iov_base);
        all.insert(all.end(), bytes, bytes + part.iov_len);
    }
    core_->take(all);
    return all.size();
}

void WebSeedStream::wait_readable(Ready ready) {
    core_->readable = std::move(ready);
    core_->signal_readable();
}

void WebSeedStream::wait_writable(Ready ready) {
    asio::post(core_->setup.http.io, [core = core_, ready = std::move(ready)] {
        if (!core->closed) ready({});
    });
}

const Endpoint& WebSeedStream::remote() const {
    return core_->setup.stand_in;
}

}  // namespace btfs::net
