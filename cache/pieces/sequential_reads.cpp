#include "cache/pieces/sequential_reads.hpp"

#include <algorithm>

namespace btfs {

SequentialReads::Stream& SequentialReads::stream_of(ByteRange range) {
    for (Stream& stream : streams_) {
        if (stream.read_bytes > 0 && range.begin + kSlack >= stream.end && range.begin <= stream.end + kSlack)
            return stream;
    }
    Stream& oldest = *std::ranges::min_element(streams_, {}, &Stream::last_use);
    oldest = {.end = range.begin, .ahead_until = range.begin};
    return oldest;
}

std::optional<ByteRange> SequentialReads::on_read(ByteRange range, bool cold) {
    Stream& stream = stream_of(range);
    stream.last_use = ++uses_;
    stream.end = std::max(stream.end, range.end);
    stream.read_bytes += range.size();
    stream.cold = stream.cold || cold;
    if (!stream.cold || stream.read_bytes < kProof) return std::nullopt;
    if (stream.ahead_until >= stream.end + kWindow / 2) return std::nullopt;
    const ByteRange ahead{std::max(stream.ahead_until, stream.end), stream.end + kWindow};
    stream.ahead_until = ahead.end;
    return ahead;
}

}  // namespace btfs
