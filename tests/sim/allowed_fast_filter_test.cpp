// The filter of AllowedFast messages, fed in parts of any size.
#include "tests/sim/allowed_fast_filter.hpp"

#include <gtest/gtest.h>

#include "engine/wire/messages.hpp"

namespace btfs::sim {
namespace {

TEST(AllowedFastFilter, TakesOutThePiecesThatAreNotKept) {
    Bytes in(68, std::byte{17});  // a handshake, full of what looks like AllowedFast
    Bytes expected = in;
    const auto append = [&](const wire::Message& message, bool passes) {
        append_message(in, message);
        if (passes) append_message(expected, message);
    };
    append(wire::Unchoke{}, true);
    append(wire::KeepAlive{}, true);
    append(wire::AllowedFast{PieceIndex(3)}, true);
    append(wire::AllowedFast{PieceIndex(4)}, false);
    append(wire::Have{PieceIndex(4)}, true);
    append(wire::Request{{PieceIndex(4), 17, 17}}, true);
    append(wire::AllowedFast{PieceIndex(5)}, false);
    append(wire::KeepAlive{}, true);

    for (std::size_t part = 1; part <= in.size(); ++part) {
        AllowedFastFilter filter({PieceIndex(3)});
        Bytes out;
        for (std::size_t at = 0; at < in.size(); at += part)
            filter.pass(ByteView(in).subspan(at, std::min(part, in.size() - at)), out);
        EXPECT_EQ(out, expected) << "in parts of " << part;
    }
}

}  // namespace
}  // namespace btfs::sim
