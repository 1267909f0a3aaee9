#include "engine/session/web_seeds.hpp"

#include <algorithm>

#include "engine/http/http_url.hpp"

namespace btfs {

WebSeeds::WebSeeds(const std::vector<std::string>& web_seeds, const std::vector<std::string>& http_seeds) {
    add(web_seeds, false);
    add(http_seeds, true);
}

void WebSeeds::add(const std::vector<std::string>& urls, bool by_pieces) {
    for (const std::string& url : urls) {
        if (seeds_.size() == kMaxUrls) break;
        const bool known = std::ranges::any_of(
            seeds_, [&](const Seed& seed) { return seed.url == url && seed.by_pieces == by_pieces; });
        if (known || !webseed::is_web_seed_url(url)) continue;
        Seed& seed = seeds_.emplace_back();
        seed.url = url;
        seed.by_pieces = by_pieces;
    }
}

void WebSeeds::know_content(const Layout& layout, std::shared_ptr<const Bytes> info,
                            const std::optional<Sha1Digest>& v1_hash) {
    info_ = std::move(info);
    layout_ = &layout;
    auto whole = v1_hash ? webseed::layout_without_files(layout) : std::nullopt;
    if (whole) {
        without_files_ = std::make_unique<const Layout>(std::move(*whole));
        v1_hash_ = *v1_hash;
    } else {
        std::erase_if(seeds_, [](const Seed& seed) { return seed.by_pieces; });
    }
    for (Seed& seed : seeds_)
        seed.memory = std::make_unique<webseed::SeedMemory>(seed.by_pieces ? *without_files_ : layout);
    if (info_ && !seeds_.empty()) look_at_ = {};
}

std::optional<std::uint32_t> WebSeeds::poll_connect(bool wanted, TimePoint now) {
    wanted_ = wanted;
    if (wanted) idle_since_ = kNever;
    if (!wanted || now < look_at_) return std::nullopt;
    look_at_ = kNever;
    if (connected_ >= kMaxConnected) return std::nullopt;
    for (std::uint32_t i = 0; i < seeds_.size(); ++i) {
        const Seed& seed = seeds_[i];
        if (seed.connection != kNobody || !seed.memory->is_usable()) continue;
        if (now >= seed.retry) {
            look_at_ = now;  // there may be more
            return i;
        }
        look_at_ = std::min(look_at_, seed.retry);
    }
    return std::nullopt;
}

void WebSeeds::postpone(std::uint32_t number, TimePoint now) {
    seeds_[number].retry = now + kFirstRetry;
}

std::vector<ConnectionId> WebSeeds::idle(bool wanted, TimePoint now) {
    if (wanted || connected_ == 0) return {};
    if (idle_since_ == kNever) idle_since_ = now;
    return now >= idle_since_ + kLinger ? connections() : std::vector<ConnectionId>{};
}

TimePoint WebSeeds::next_timeout() const {
    if (wanted_) return look_at_;
    return idle_since_ == kNever || connected_ == 0 ? kNever : idle_since_ + kLinger;
}

const Layout& WebSeeds::layout(std::uint32_t number) const {
    return seeds_[number].by_pieces ? *without_files_ : *layout_;
}

webseed::SeedUrls WebSeeds::urls(std::uint32_t number) {
    if (seeds_[number].by_pieces) return webseed::PieceUrls(seeds_[number].url, v1_hash_, *without_files_);
    if (paths_.empty()) {
        paths_ = webseed::url_paths(*info_);
        single_ = webseed::is_single_file(*info_);
    }
    return webseed::FileUrls(seeds_[number].url, paths_, single_);
}

std::string WebSeeds::name(std::uint32_t number) const {
    return (seeds_[number].by_pieces ? "HTTP seed " : "web seed ") +
           http::without_credentials(seeds_[number].url);
}

void WebSeeds::on_connected(std::uint32_t number, ConnectionId connection, net::WebSeedStream& stream,
                            TimePoint now) {
    Seed& seed = seeds_[number];
    seed.connection = connection;
    seed.stream = &stream;
    seed.connected = now;
    ++connected_;
}

void WebSeeds::on_closed(ConnectionId connection, TimePoint now) {
    const auto seed = std::ranges::find(seeds_, connection, &Seed::connection);
    if (seed == seeds_.end() || connection == kNobody) return;
    seed->connection = kNobody;
    seed->stream = nullptr;
    --connected_;
    seed->early_ends = now < seed->connected + kEarly ? seed->early_ends + 1 : 0;
    if (seed->early_ends > 0) {
        const unsigned doubled = std::min(seed->early_ends - 1, 10u);
        seed->retry = now + std::min<Duration>(kLongestRetry, kFirstRetry * (1 << doubled));
    }
    look_at_ = {};  // another one may take its place
}

std::vector<ConnectionId> WebSeeds::connections() const {
    std::vector<ConnectionId> ids;
    for (const Seed& seed : seeds_)
        if (seed.connection != kNobody) ids.push_back(seed.connection);
    return ids;
}

void WebSeeds::on_piece_failed(std::uint32_t number, PieceIndex piece) {
    if (number >= seeds_.size()) return;
    Seed& seed = seeds_[number];
    seed.stream ? seed.stream->on_piece_failed(piece) : void(seed.memory->on_piece_failed(piece));
}

}  // namespace btfs
