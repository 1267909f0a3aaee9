// The parts of a connection by themselves.
#include <gtest/gtest.h>

#include "engine/core/rng.hpp"
#include "engine/utp/congestion_window.hpp"
#include "engine/utp/delay_history.hpp"
#include "engine/utp/mtu_search.hpp"
#include "engine/utp/receive_queue.hpp"
#include "engine/utp/send_queue.hpp"
#include "engine/utp/syn_cookies.hpp"
#include "engine/utp/timer_heap.hpp"

namespace btfs::utp {
namespace {

using Taken = ReceiveQueue::Taken;

TEST(UtpSequence, NumbersWrap) {
    EXPECT_EQ(nearest_index(first_index(65535), 2), first_index(65535) + 3);
    EXPECT_EQ(nearest_index(first_index(65535) + 3, 65534), first_index(65534));
}

TEST(UtpDelay, IsWhatLiesAboveTheLowestOfTheLastMinutes) {
    DelayHistory history;
    TimePoint now{1h};
    EXPECT_EQ(history.queueing(), Duration{});
    history.add(1'000'000, now);
    history.add(1'050'000, now);
    history.add(1'050'000, now);
    history.add(1'070'000, now);
    EXPECT_EQ(history.queueing(), 50ms);
    for (int minute = 0; minute < 15; ++minute) history.add(1'050'000, now += 61s);
    EXPECT_EQ(history.queueing(), 0ms) << "an old route is forgotten";
}

TEST(UtpDelay, MayWrap) {
    DelayHistory history;
    history.add(0xffff'ff00, TimePoint{1h});
    for (int i = 0; i < 3; ++i) history.add(0x100, TimePoint{1h});
    EXPECT_EQ(history.queueing(), 512us);
    history.raise(500);
    EXPECT_EQ(history.queueing(), 12us);
    history.raise(500);
    EXPECT_EQ(history.queueing(), 0us);
}

TEST(UtpReceiveQueue, PutsPacketsInOrderAndTellsOfHoles) {
    MemoryBudget budget(1 << 20);
    {
        ReceiveQueue queue(budget, first_index(65534));
        const SequenceIndex first = first_index(65534);
        EXPECT_EQ(queue.take(first, as_bytes("a"), false), Taken::in_order);
        EXPECT_EQ(queue.take(first, as_bytes("a"), false), Taken::duplicate);
        EXPECT_EQ(queue.take(first + 2, as_bytes("ccc"), false), Taken::out_of_order);
        EXPECT_EQ(queue.take(first + 2, as_bytes("ccc"), false), Taken::duplicate);
        EXPECT_EQ(queue.take(first + 34, as_bytes("z"), false), Taken::out_of_order);
        std::byte bits[kMaxSelectiveAck];
        ASSERT_EQ(queue.write_selective_ack(bits), 8u);
        EXPECT_EQ(bits[0], std::byte{1});
        EXPECT_EQ(bits[4], std::byte{1});
        EXPECT_EQ(queue.take(first + 3 + ReceiveQueue::kMaxReorder, as_bytes("x"), false), Taken::refused);
        EXPECT_EQ(queue.take(first + 1, as_bytes("bb"), false), Taken::in_order);
        EXPECT_EQ(queue.readable(), 6u);
        queue.keep();
        std::string text(10, '.');
        const iovec into[2] = {{text.data(), 4}, {text.data() + 4, 6}};
        EXPECT_EQ(queue.read(into), 6u);
        EXPECT_EQ(text, "abbccc....");
        EXPECT_EQ(queue.take(first + 5, {}, true), Taken::refused) << "content was seen behind this end";
        EXPECT_EQ(budget.used(), 1u);
    }
    EXPECT_EQ(budget.used(), 0u);
}

TEST(UtpReceiveQueue, KeepsWhatIsNotReadInTheTurn) {
    MemoryBudget budget(1 << 20);
    ReceiveQueue queue(budget, first_index(0));
    std::string datagram = "hello";
    queue.take(first_index(0), as_bytes(datagram), false);
    queue.take(first_index(0) + 1, as_bytes(datagram), false);
    queue.keep();
    datagram = "XXXXX";
    std::string text(10, '.');
    const iovec half[1] = {{text.data(), 3}};
    EXPECT_EQ(queue.read(half), 3u);
    std::string other = "world";
    queue.take(first_index(0) + 2, as_bytes(other), true);
    EXPECT_TRUE(queue.ended());
    queue.keep();
    const iovec rest[1] = {{text.data() + 3, 7}};
    EXPECT_EQ(queue.read(rest), 7u);
    EXPECT_EQ(text, "hellohello");
}

TEST(UtpReceiveQueue, FillsAHoleThoughItsMemoryIsFull) {
    MemoryBudget budget(100'000);
    ReceiveQueue queue(budget, first_index(0));
    const std::string packet(1000, 'x');
    SequenceIndex i = first_index(0) + 1;
    while (queue.take(i, as_bytes(packet), false) == Taken::out_of_order) ++i;
    EXPECT_LE(budget.used(), 100'000u);
    EXPECT_EQ(queue.take(first_index(0), as_bytes(packet), false), Taken::in_order);
    EXPECT_EQ(queue.readable(), (i - first_index(0)) * 1000);
}

struct UtpSendQueue : ::testing::Test {
    MemoryBudget budget{1 << 24};
    PacketPool pool;
    SendQueue queue{budget, pool, first_index(65530)};
    RoundTrip trip;
    TimePoint now{1h};
    const SequenceIndex first = first_index(65530);

    void SetUp() override { trip.add(100ms); }
    void send(int packets) {
        const Bytes content(1000 * static_cast<std::size_t>(packets));
        const iovec from[1] = {{const_cast<std::byte*>(content.data()), content.size()}};
        EXPECT_EQ(queue.append(from, content.size(), 1020, 0), content.size());
        while (const SequenceIndex i = queue.next_waiting()) queue.sent(i, now += 1ms);
    }
    /// Packets behind the first missing one, by their places in the text.
    SendQueue::Acknowledged acknowledge(SequenceIndex through, std::string_view behind = "") {
        Bytes bits((behind.size() + 31) / 32 * 4);
        for (std::size_t i = 0; i < behind.size(); ++i)
            if (behind[i] == '1') bits[i / 8] |= std::byte{1} << (i % 8);
        return queue.acknowledge(through, bits, true, trip, now);
    }
    std::string lost() {
        std::string text;
        queue.find_losses(trip, now);
        for (SequenceIndex i = first; i < queue.end(); ++i)
            text += i >= queue.first() && queue.at(i).state == SendQueue::State::lost ? 'x' : '.';
        return text;
    }
};

TEST_F(UtpSendQueue, APacketIsLostWhenThreeSentLaterHaveArrived) {
    send(8);
    acknowledge(first, "11");
    EXPECT_EQ(lost(), "........");
    acknowledge(first, "111");
    EXPECT_EQ(lost(), ".x......");
    EXPECT_EQ(queue.in_flight_bytes(), 3 * 1020u);
}

TEST_F(UtpSendQueue, TheLossOfARetransmissionIsFoundToo) {
    send(6);
    acknowledge(first, "1111");
    EXPECT_EQ(lost(), ".x....");
    queue.sent(queue.next_lost(), now += 1ms);
    send(3);
    EXPECT_EQ(queue.next_lost(), 0u);
    now += 100ms;
    acknowledge(first, "1111111");
    EXPECT_EQ(lost(), ".x.......");
}

TEST_F(UtpSendQueue, AnAcknowledgementThatARetransmissionCausedTellsNoRoundTrip) {
    send(8);
    EXPECT_EQ(acknowledge(first, "111").round_trip, 3ms);
    EXPECT_EQ(lost(), ".x......");
    queue.sent(queue.next_lost(), now += 1ms);
    now += 100ms;
    EXPECT_EQ(acknowledge(first + 7).round_trip, std::nullopt)
        << "those behind had arrived, and were not told of";
}

TEST_F(UtpSendQueue, AnAcknowledgementOfAPacketSentAfterARetransmissionTellsTheRoundTrip) {
    send(8);
    acknowledge(first, "111");
    EXPECT_EQ(lost(), ".x......");
    queue.sent(queue.next_lost(), now += 1ms);
    send(1);
    now += 100ms;
    EXPECT_EQ(acknowledge(first + 8).round_trip, 100ms);
}

TEST_F(UtpSendQueue, PacketsThatAShortSelectiveAcknowledgementCannotTellOfAreNeitherInFlightNorLost) {
    send(80);
    const std::string most(SendQueue::kShortSelectiveAck, '1');
    acknowledge(first, most);
    EXPECT_EQ(lost(), "." + ("x" + std::string(78, '.')));
    queue.sent(queue.next_lost(), now += 1ms);
    now += 100ms;
    acknowledge(first + 31, most);
    EXPECT_EQ(lost(), std::string(32, '.') + "x" + std::string(47, '.'));
    EXPECT_EQ(queue.in_flight_bytes(), 2 * 1020u) << "those that too few later ones have overtaken";
    queue.sent(queue.next_lost(), now += 1ms);
    now += 100ms;
    acknowledge(first + 62, "11");
    EXPECT_EQ(lost(), std::string(63, '.') + "x.." + std::string(14, 'x'));
    EXPECT_EQ(queue.in_flight_bytes(), 0u);
    acknowledge(first + 79);
    EXPECT_EQ(budget.used(), 0u);
}

TEST_F(UtpSendQueue, TheLastPacketsAreLostByAge) {
    send(3);
    now += 90ms;
    acknowledge(first, "1");
    EXPECT_EQ(lost(), "...");
    const TimePoint at = queue.next_loss_at(trip);
    EXPECT_LT(at, now + 100ms);
    now = at;
    EXPECT_EQ(lost(), ".x.");
}

TEST_F(UtpSendQueue, OneThatComesLateMakesItMorePatient) {
    send(8);
    acknowledge(first, "111");
    EXPECT_EQ(lost(), ".x......");
    EXPECT_TRUE(acknowledge(first + 4).came_late);
    EXPECT_EQ(queue.next_lost(), 0u);
    send(8);
    acknowledge(first + 7, "11110");
    EXPECT_EQ(queue.at(first + 8).state, SendQueue::State::in_flight);
}

TEST_F(UtpSendQueue, AfterATimeOutAllIsSentAgainInOrder) {
    send(5);
    acknowledge(first, "01");
    queue.time_out();
    EXPECT_EQ(queue.in_flight_bytes(), 0u);
    std::string order;
    while (const SequenceIndex i = queue.next_lost()) {
        order += std::to_string(i - first) + " ";
        queue.sent(i, now);
    }
    EXPECT_EQ(order, "1 2 4 ");
}

TEST_F(UtpSendQueue, GivesItsMemoryBack) {
    send(100);
    acknowledge(first + 49);
    EXPECT_EQ(budget.used(), 50 * PacketPool::kBlockSize);
    acknowledge(first + 99);
    EXPECT_EQ(budget.used(), 0u);
    EXPECT_TRUE(queue.empty());
}

TEST(UtpCongestion, OneRoundTripsLossesCountOnce) {
    CongestionWindow window(1400);
    const TimePoint now{1h};
    for (int i = 0; i < 100; ++i) window.acknowledged(1400, 0ms, true);
    const auto before = window.bytes();
    window.lost(now - 50ms, now);
    const auto after = window.bytes();
    EXPECT_LT(after, before);
    for (int i = 0; i < 10; ++i) window.lost(now - 40ms, now + 10ms);
    EXPECT_EQ(window.bytes(), after);
    window.lost(now + 1ms, now + 60ms);
    EXPECT_LT(window.bytes(), after);
}

TEST(UtpCongestion, YieldsToAQueueThatOthersFill) {
    CongestionWindow window(1400);
    for (int i = 0; i < 1000; ++i) window.acknowledged(1400, 0ms, true);
    const auto before = window.bytes();
    for (int i = 0; i < 5000; ++i) window.acknowledged(1400, 300ms, true);
    EXPECT_LT(window.bytes(), before / 8);
    EXPECT_GE(window.bytes(), CongestionWindow::kLeastPackets * 1400);
}

TEST(UtpCongestion, DoesNotGrowWithoutUse) {
    CongestionWindow window(1400);
    const auto before = window.bytes();
    for (int i = 0; i < 1000; ++i) window.acknowledged(1400, 0ms, false);
    EXPECT_EQ(window.bytes(), before);
}

TEST(UtpMtu, ALostProbeIsTriedOnceMore) {
    MtuSearch search(AddressFamily::v4);
    const TimePoint now{1h};
    EXPECT_EQ(search.packet_size(), 548u);
    ASSERT_EQ(search.probe_wanted(now), 1472u);
    search.probe_sent(1472);
    EXPECT_FALSE(search.probe_wanted(now));
    search.probe_lost(1472, now);
    ASSERT_EQ(search.probe_wanted(now), 1472u);
    search.probe_sent(1472);
    search.probe_arrived(1472, now);
    EXPECT_EQ(search.packet_size(), 1472u);
    EXPECT_FALSE(search.probe_wanted(now));
}

TEST(UtpMtu, TheSearchEndsAndIsRepeated) {
    MtuSearch search(AddressFamily::v4);
    TimePoint now{1h};
    int probes = 0;
    while (const auto size = search.probe_wanted(now)) {
        ASSERT_LT(++probes, 40);
        search.probe_sent(*size);
        *size <= 1300 ? search.probe_arrived(*size, now) : search.probe_lost(*size, now);
    }
    EXPECT_LE(search.packet_size(), 1300u);
    EXPECT_GT(search.packet_size(), 1300u - MtuSearch::kNear);
    EXPECT_TRUE(search.probe_wanted(now + MtuSearch::kAgainAfter));
}

TEST(UtpCookies, AreGoodForTheirSynAlone) {
    const SynCookies cookies([](std::span<std::byte> out) { Rng(7).fill(out); });
    const Endpoint peer = *Endpoint::parse("192.0.2.1:1");
    const TimePoint now{1h};
    const std::uint16_t first = cookies.first_number(peer, 10, 65535, now);
    const auto ack = static_cast<std::uint16_t>(first - 1);
    EXPECT_EQ(cookies.syn_number(peer, 10, 0, ack, now), 65535);
    EXPECT_EQ(cookies.syn_number(peer, 10, 3, ack, now + SynCookies::kSlot), 65535);
    EXPECT_FALSE(cookies.syn_number(peer, 10, 4, ack, now));
    EXPECT_FALSE(cookies.syn_number(peer, 10, 0, ack, now + 3 * SynCookies::kSlot));
    EXPECT_FALSE(cookies.syn_number(*Endpoint::parse("192.0.2.1:2"), 10, 0, ack, now));
    EXPECT_FALSE(cookies.syn_number(peer, 11, 0, ack, now));
}

TEST(UtpTimers, TheEarliestIsDueFirst) {
    struct Item {
        TimerHeap<Item>::Entry timer;
    };
    Rng rng(3);
    std::vector<Item> items(50);
    TimerHeap<Item> heap;
    for (int i = 0; i < 3000; ++i) {
        Item& item = items[rng.below(items.size())];
        if (rng.below(8) == 0)
            heap.remove(item);
        else
            heap.set(item, rng.below(9) == 0 ? kNever : TimePoint(std::chrono::seconds(rng.below(1000))));
        TimePoint least = kNever;
        for (const Item& other : items) least = std::min(least, other.timer.at);
        ASSERT_EQ(heap.next(), least);
    }
}

}  // namespace
}  // namespace btfs::utp
