#include "tests/sim/trace.hpp"

namespace btfs::sim {
namespace {

double ms(Duration d) {
    return 1000 * seconds(d);
}

}  // namespace

void Trace::say(const std::string& what) {
    std::fprintf(out_, "%11.6f %s\n", seconds(simulation_.elapsed()), what.c_str());
}

void Trace::line(const char* what, const Node& peer, const std::string& rest) {
    std::fprintf(out_, "%11.6f %-8s peer %-4zu %s\n", seconds(simulation_.elapsed()), what, peer.number(),
                 rest.c_str());
}

std::string Trace::name(const BlockRef& block) const {
    char text[48];
    std::snprintf(text, sizeof(text), "%5u.%-3u", block.piece.value(), block.offset_in_piece / kBlockSize);
    return text;
}

void Trace::on_request(const Node& peer, ConnectionId connection, const BlockRef& block) {
    const PartialPiece* partial = simulation_.client().partial(block.piece);
    const wire::PeerSession* session = simulation_.client().torrent().session(connection);
    if (!partial || !session) return line("ask", peer, name(block) + " (given up already)");
    const std::uint32_t index = partial->block_at(block);
    Asked asked{simulation_.events().now(), simulation_.events().now()};
    for (const Asker& asker : partial->askers(index))
        if (asker.peer == connection) asked.expected = asker.expected;
    asked_[{peer.number(), block}] = asked;
    const bool awaited = simulation_.client().store().is_awaited(block.piece);
    const char* why = partial->askers(index).size() > 1 ? "hedge" : awaited ? "blocked" : "ahead";
    char text[160];
    std::snprintf(
        text, sizeof(text), "%s %-7s expected in %7.1f ms; in flight %5.0f KiB; truly %5.1f ms, %6.0f KiB/s",
        name(block).c_str(), why, ms(asked.expected - asked.at),
        static_cast<double>(session->requests().bytes()) / 1024,
        ms(Network::round_trip(simulation_.client().host(), peer.host())), peer.host().link.up / 1024);
    line("ask", peer, text);
}

void Trace::on_cancel(const Node& peer, const BlockRef& block) {
    line("cancel", peer, name(block));
}

void Trace::on_block(const Node& peer, ConnectionId connection, const BlockRef& block) {
    const PartialPiece* partial = simulation_.client().partial(block.piece);
    const bool useful = partial && partial->asked_of(partial->block_at(block), connection);
    const auto asked = asked_.extract({peer.number(), block});
    if (asked.empty()) return line("got", peer, name(block));
    const Duration took = simulation_.events().now() - asked.mapped().at;
    const Duration late = simulation_.events().now() - asked.mapped().expected;
    char text[96];
    std::snprintf(text, sizeof(text), "%s %-7s after %7.1f ms, late by %7.1f ms", name(block).c_str(),
                  useful ? "useful" : "useless", ms(took), ms(late));
    line("got", peer, text);
}

void Trace::on_reject(const Node& peer, const BlockRef& block) {
    line("reject", peer, name(block));
}

void Trace::on_choke(const Node& peer, bool choking) {
    line(choking ? "choke" : "unchoke", peer, "");
}

void Trace::on_end(const Node& peer, const std::string& reason) {
    line("end", peer, reason);
}

}  // namespace btfs::sim
