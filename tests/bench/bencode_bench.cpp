// Benchmarks of decoding bencode: a torrent file of many pieces and files, and a tracker's answer.
#include <benchmark/benchmark.h>

#include <string>

#include "engine/metainfo/bencode.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs {
namespace {

std::string text(std::string_view value) {
    return std::to_string(value.size()) + ":" + std::string(value);
}

/// Returns a torrent with files of one piece of 256 KiB each.
std::string torrent_of(int files) {
    std::string out = "d4:infod5:filesl";
    for (int i = 0; i < files; ++i)
        out += "d6:lengthi262144e4:pathl" + text("season " + std::to_string(i / 100)) +
               text("episode " + std::to_string(i) + ".mkv") + "ee";
    out += "e4:name4:show12:piece lengthi262144e6:pieces";
    out += text(std::string(std::size_t{20} * static_cast<std::size_t>(files), 'h')) + "ee";
    return out;
}

void BencodeDecode(benchmark::State& state) {
    const std::string document = torrent_of(static_cast<int>(state.range(0)));
    const bencode::Limits limits{.max_size = kMaxTorrentFileSize};
    for (auto _ : state) {
        auto decoded = bencode::decode(as_bytes(document), limits);
        if (!decoded) state.SkipWithError("not decoded");
        benchmark::DoNotOptimize(decoded);
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(document.size()));
}
BENCHMARK(BencodeDecode)->ArgName("files")->Arg(10)->Arg(1000)->Arg(60000);

/// Measures all that a mount needs of a torrent file: safe names, layout, info-hash.
void ParseTorrent(benchmark::State& state) {
    const std::string document = torrent_of(static_cast<int>(state.range(0)));
    for (auto _ : state) {
        auto parsed = parse_torrent(as_bytes(document));
        if (!parsed) state.SkipWithError("not parsed");
        benchmark::DoNotOptimize(parsed);
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(document.size()));
}
BENCHMARK(ParseTorrent)->ArgName("files")->Arg(10)->Arg(1000)->Arg(60000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace btfs
