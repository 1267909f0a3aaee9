// Server that replies anything, in any order, to a web seed of a torrent with small and large files, pad
// files and an empty one, while blocks are asked for and cancelled. Each block is answered once, no lane
// beyond the limit is opened, no request leaves its file or touches padding, and queues stay within their
// limits.
#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "engine/webseed/web_seed.hpp"
#include "tests/fuzz/fuzz_input.hpp"

namespace {

using namespace btfs;
using fuzz::Input;
using fuzz::require;
using namespace btfs::webseed;

const Layout kLayout(65536, {{0, 100'000, false},
                             {100'000, 31'072, true},
                             {131'072, 7, false},
                             {131'079, 0, false},
                             {131'079, 40'000'000, false},
                             {40'131'079, 3'000, false},
                             {40'134'079, 20'000, true},
                             {40'154'079, 70'000, false}});

/// The same content, as an HTTP seed sees it.
const Layout kOneFile(65536, {{0, kLayout.total_size(), false}});

class World {
  public:
    World(Input& input, Protocol protocol)
        : input_(input), layout_(protocol == Protocol::pieces ? kOneFile : kLayout), protocol_(protocol) {}

    void step() {
        now_ += std::chrono::milliseconds(input_.byte());
        switch (input_.byte() % 8) {
            case 0:
            case 1:
                request();
                break;
            case 2:
                if (!asked_.empty()) cancel();
                break;
            case 3:
                reply();
                break;
            case 4:
            case 5:
                body();
                break;
            case 6:
                end();
                break;
            case 7:
                if (input_.byte() % 16 == 0) {
                    seed_.on_piece_failed(piece(), now_);
                } else {
                    now_ = std::max(now_, std::min(seed_.next_timeout(), now_ + std::chrono::minutes(1)));
                    seed_.handle_timeout(now_);
                }
                break;
        }
        take();
    }

  private:
    PieceIndex piece() { return PieceIndex(input_.number() % layout_.piece_count()); }
    LaneId lane() {
        if (lanes_.empty()) return input_.byte();
        auto chosen = lanes_.begin();
        std::advance(chosen, input_.byte() % lanes_.size());
        return chosen->first;
    }
    void request() {
        const PieceIndex p = piece();
        const BlockRef block = layout_.payload(p, input_.byte() % layout_.block_count(p));
        if (block.size == 0 || !asked_.insert(block).second) return;
        seed_.request(block);
        if (input_.byte() % 2) seed_.settle(now_);
    }
    void cancel() {
        auto chosen = asked_.begin();
        std::advance(chosen, input_.byte() % asked_.size());
        require(seed_.cancel(*chosen));
        asked_.erase(chosen);
        if (input_.byte() % 2) seed_.settle(now_);
    }
    void reply() {
        const LaneId id = lane();
        std::string range = input_.text();
        ReplyHead head{.status = input_.number() % 600u};
        const auto known = lanes_.find(id);
        if (input_.byte() % 4 > 0 && known != lanes_.end()) {
            const Fetch& fetch = known->second;
            const std::uint64_t size = layout_.files()[fetch.file.value()].size;
            head.status = input_.byte() % 4 == 0 ? 200 : 206;
            range = "bytes " + std::to_string(fetch.in_file.begin) + "-" +
                    std::to_string(fetch.in_file.end - 1) + "/" + std::to_string(size);
        }
        head.content_range = range;
        const std::string retry = input_.text();
        head.retry_after = retry;
        seed_.on_reply(id, head, now_);
    }
    void body() {
        const LaneId id = lane();
        const std::uint64_t wanted = seed_.wanted(id);
        const std::uint64_t worth = seed_.worth_reading(id);
        require(worth <= wanted && (worth > 0) == (wanted > 0));
        if (wanted == 0) return;
        const std::uint64_t most = input_.byte() % 2 ? 100'000 : 100;
        seed_.on_body(id, Bytes(std::min(wanted, most), std::byte{input_.byte()}), now_);
    }
    void end() {
        const LaneId id = lane();
        if (input_.byte() % 2) return seed_.on_end(id, input_.byte() % 2 == 0, now_);
        const Error reasons[] = {Errc::connection_closed, Errc::timed_out, Errc::http_redirect_refused,
                                 Errc::http_malformed};
        seed_.on_failed(id, reasons[input_.byte() % 4], now_);
    }
    void take() {
        for (const SeedAction& action : seed_.take_actions()) {
            if (const auto* fetch = std::get_if<Fetch>(&action)) {
                const FileExtent& file = layout_.files()[fetch->file.value()];
                require(!file.pad && !fetch->in_file.empty() && fetch->in_file.end <= file.size);
                const auto piece_of = [&](std::uint64_t at) { return at / layout_.piece_length(); };
                require(protocol_ == Protocol::files ||
                        piece_of(fetch->in_file.begin) == piece_of(fetch->in_file.end - 1));
                require(memory_.serves(fetch->file));
                lanes_.insert_or_assign(fetch->lane, *fetch);
            } else if (const auto* close = std::get_if<CloseLane>(&action)) {
                lanes_.erase(close->lane);
            } else if (const auto* ready = std::get_if<BlockReady>(&action)) {
                require(asked_.erase(ready->block) == 1 && ready->data.size() == ready->block.size);
            } else if (const auto* denied = std::get_if<BlockDenied>(&action)) {
                require(asked_.erase(denied->block) == 1);
            }
        }
        require(lanes_.size() <= WebSeed::kMaxLanes && seed_.lane_count() == lanes_.size());
        require(asked_.size() <= WebSeed::kMaxBlocks);
        require(seed_.next_timeout() > TimePoint{});
    }

    Input& input_;
    TimePoint now_ = TimePoint{} + std::chrono::hours(1);
    const Layout& layout_;
    const Protocol protocol_;
    SeedMemory memory_{layout_};
    WebSeed seed_{layout_, memory_,
                  [this](std::uint64_t begin) { return begin + 1 + input_.number() * 100u; }, now_,
                  protocol_};
    std::set<BlockRef> asked_;
    std::map<LaneId, Fetch> lanes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto range = parse_content_range(text)) require(!range->in_file.empty());
    Input input(data, size);
    World world(input, size % 4 == 0 ? Protocol::pieces : Protocol::files);
    for (int steps = 0; !input.empty() && steps < 2000; ++steps) world.step();
    return 0;
}
