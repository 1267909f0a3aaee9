#include "engine/mse/handshake.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace btfs::mse {
namespace {

constexpr std::size_t kDiscarded = 1024;  // of each key stream
constexpr std::array<std::byte, 8> kVerification{};

Sha1Digest hash(std::string_view name, ByteView first, ByteView second = {}) {
    Sha1 sha;
    sha.update(as_bytes(name));
    sha.update(first);
    sha.update(second);
    return sha.finish();
}

Rc4 cipher(std::string_view name, const Key& secret, const Sha1Digest& info_hash) {
    Rc4 rc4(hash(name, secret, info_hash.view()).view());
    rc4.discard(kDiscarded);
    return rc4;
}

Sha1Digest exclusive_or(const Sha1Digest& a, ByteView b) {
    Sha1Digest result = a;
    for (std::size_t i = 0; i < result.bytes.size(); ++i) result.bytes[i] ^= b[i];
    return result;
}

}  // namespace

Sha1Digest obfuscated(const Sha1Digest& info_hash) {
    return hash("req2", info_hash.view());
}

// ---- both sides ----

Side::Side(SecretSource secrets) : secrets_(std::move(secrets)), keys_(secrets_) {}

Result<Progress> Side::handle_bytes(ByteView bytes) {
    ByteWriter(input_).bytes(bytes);
    for (;;) {
        const Result<Step> taken = step();
        if (!taken) return taken.error();
        if (*taken == Step::last) return Progress::done;
        if (*taken == Step::waits) return Progress::needs_more;
    }
}

std::optional<Bytes> Side::take(std::size_t size) {
    if (input_.size() < size) return std::nullopt;
    const auto end = input_.begin() + static_cast<std::ptrdiff_t>(size);
    Bytes taken(input_.begin(), end);
    input_.erase(input_.begin(), end);
    return taken;
}

Result<Side::Step> Side::skip_to(ByteView mark) {
    const ByteView searched = ByteView(input_).first(std::min(input_.size(), kMaxPad + mark.size()));
    const auto found = std::search(searched.begin(), searched.end(), mark.begin(), mark.end());
    if (found != searched.end()) {
        const auto end = found - searched.begin() + static_cast<std::ptrdiff_t>(mark.size());
        input_.erase(input_.begin(), input_.begin() + end);
        return Step::taken;
    }
    if (searched.size() == kMaxPad + mark.size()) return Errc::encryption_malformed;
    return Step::waits;
}

void Side::send_enciphered(Bytes bytes) {
    ciphers_->outgoing.apply(bytes);
    send(bytes);
}

Bytes Side::random_pad() {
    std::array<std::byte, 2> size;
    secrets_(size);
    Bytes pad(load_big_endian<std::uint16_t>(size.data()) % (kMaxPad + 1));
    secrets_(pad);
    return pad;
}

void Side::set_keys(const Sha1Digest& info_hash, bool dialled) {
    const Rc4 a = cipher("keyA", secret_, info_hash), b = cipher("keyB", secret_, info_hash);
    ciphers_ = dialled ? Ciphers{.incoming = b, .outgoing = a} : Ciphers{.incoming = a, .outgoing = b};
}

void Side::agree(const Sha1Digest& info_hash, Method method, Bytes initial) {
    if (method == kRc4) ciphers_->incoming.apply(input_);
    ByteWriter(initial).bytes(input_);
    agreement_.emplace(Agreement{info_hash, std::nullopt, std::move(initial)});
    if (method == kRc4) agreement_->ciphers = ciphers_;
}

// ---- the side that has dialled ----

Initiator::Initiator(Options options, SecretSource secrets)
    : Side(std::move(secrets)), options_(std::move(options)) {
    send(keys_.public_key());
    send(random_pad());
}

Result<Side::Step> Initiator::step() {
    switch (state_) {
        case State::key: {
            const auto key = take(kKeySize);
            if (!key) return Step::waits;
            const auto secret = keys_.shared_secret(*key);
            if (!secret) return secret.error();
            secret_ = *secret;
            set_keys(options_.info_hash, true);
            send(hash("req1", secret_).view());
            send(exclusive_or(obfuscated(options_.info_hash), hash("req3", secret_).view()).view());
            const Bytes pad = random_pad();
            Bytes offer;
            ByteWriter(offer)
                .bytes(kVerification)
                .u32(options_.offered)
                .u16(static_cast<std::uint16_t>(pad.size()))
                .bytes(pad)
                .u16(static_cast<std::uint16_t>(options_.initial_payload.size()))
                .bytes(options_.initial_payload);
            send_enciphered(std::move(offer));
            verification_.assign(kVerification.begin(), kVerification.end());
            ciphers_->incoming.apply(verification_);
            state_ = State::verification;
            return Step::taken;
        }
        case State::verification: {
            const auto found = skip_to(verification_);
            if (found && *found == Step::taken) state_ = State::selection;
            return found;
        }
        case State::selection: {
            auto selection = take(6);
            if (!selection) return Step::waits;
            ciphers_->incoming.apply(*selection);
            ByteReader reader(*selection);
            const Methods selected = reader.u32();
            pad_size_ = reader.u16();
            const bool is_one = selected == kPlaintext || selected == kRc4;
            if (!is_one || (selected & options_.offered) == 0) return Errc::encryption_no_common_method;
            if (pad_size_ > kMaxPad) return Errc::encryption_malformed;
            selected_ = static_cast<Method>(selected);
            state_ = State::pad;
            return Step::taken;
        }
        case State::pad: {
            auto pad = take(pad_size_);
            if (!pad) return Step::waits;
            ciphers_->incoming.apply(*pad);
            agree(options_.info_hash, selected_);
            return Step::last;
        }
    }
    return Step::waits;
}

// ---- the side that was dialled ----

Responder::Responder(Methods accepted, FindTorrent find, SecretSource secrets)
    : Side(std::move(secrets)), accepted_(accepted), find_(std::move(find)) {}

Result<Side::Step> Responder::on_torrent(ByteView named) {
    const auto info_hash = find_(exclusive_or(hash("req3", secret_), named));
    if (!info_hash) return Errc::encryption_unknown_torrent;
    info_hash_ = *info_hash;
    set_keys(info_hash_, false);
    state_ = State::offer;
    return Step::taken;
}

Result<Side::Step> Responder::step() {
    switch (state_) {
        case State::key: {
            const auto key = take(kKeySize);
            if (!key) return Step::waits;
            const auto secret = keys_.shared_secret(*key);
            if (!secret) return secret.error();
            secret_ = *secret;
            send(keys_.public_key());
            send(random_pad());
            state_ = State::synchronisation;
            return Step::taken;
        }
        case State::synchronisation: {
            const auto found = skip_to(hash("req1", secret_).view());
            if (found && *found == Step::taken) state_ = State::torrent;
            return found;
        }
        case State::torrent: {
            const auto named = take(Sha1Digest::kSize);
            if (!named) return Step::waits;
            return on_torrent(*named);
        }
        case State::offer: {
            auto offer = take(kVerification.size() + 6);
            if (!offer) return Step::waits;
            ciphers_->incoming.apply(*offer);
            ByteReader reader(*offer);
            const bool verified = std::ranges::equal(reader.take(kVerification.size()), kVerification);
            offered_ = reader.u32();
            pad_size_ = reader.u16();
            if (!verified || pad_size_ > kMaxPad) return Errc::encryption_malformed;
            if ((offered_ & accepted_) == 0) return Errc::encryption_no_common_method;
            state_ = State::pad;
            return Step::taken;
        }
        case State::pad: {
            auto pad = take(pad_size_ + 2);
            if (!pad) return Step::waits;
            ciphers_->incoming.apply(*pad);
            initial_size_ = load_big_endian<std::uint16_t>(pad->data() + pad_size_);
            if (initial_size_ > kMaxInitialPayload) return Errc::encryption_malformed;
            state_ = State::initial_payload;
            return Step::taken;
        }
        case State::initial_payload: {
            auto initial = take(initial_size_);
            if (!initial) return Step::waits;
            ciphers_->incoming.apply(*initial);
            const Method selected = (offered_ & accepted_ & kRc4) != 0 ? kRc4 : kPlaintext;
            const Bytes pad = random_pad();
            Bytes answer;
            ByteWriter(answer)
                .bytes(kVerification)
                .u32(selected)
                .u16(static_cast<std::uint16_t>(pad.size()))
                .bytes(pad);
            send_enciphered(std::move(answer));
            agree(info_hash_, selected, std::move(*initial));
            return Step::last;
        }
    }
    return Step::waits;
}

}  // namespace btfs::mse
