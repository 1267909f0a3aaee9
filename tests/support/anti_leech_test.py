"""The checker of the anti-leech rules."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support.anti_leech import GRACE, IGNORED_SIZE, AntiLeech

SIZE = 1_000_000_000
PEER = "192.0.2.1"


class Rules(unittest.TestCase):
    def rules(self, tool):
        return [verdict.rule for verdict in tool.verdicts]

    def test_a_peer_that_announces_what_it_gets_is_cut_once_and_never_banned(self):
        tool = AntiLeech(SIZE)
        for second in range(100):
            tool.sample(second, PEER, 6881, second * SIZE // 100, second / 100)
        self.assertEqual(self.rules(tool), ["cut"])
        self.assertEqual(tool.verdicts[0].time, 10)
        self.assertEqual(tool.sent_to(PEER), 99 * SIZE // 100)
        self.assertEqual(tool.largest_difference(PEER), 0)

    def test_a_peer_that_announces_too_little_is_banned_after_the_grace(self):
        tool = AntiLeech(SIZE)
        tool.sample(0, PEER, 6881, SIZE * 15 // 100, 0.01)  # is cut
        for second in (1, 1 + GRACE):
            self.assertEqual(tool.sample(second, PEER, 6881, SIZE * 15 // 100, 0.01), [])
        ban, = tool.sample(2 + GRACE, PEER, 6881, SIZE * 15 // 100, 0.01)
        self.assertEqual((ban.rule, ban.bans), ("difference", True))
        self.assertAlmostEqual(tool.largest_difference(PEER), 0.14)

    def test_nine_percent_are_no_reason(self):
        tool = AntiLeech(SIZE)
        for second in range(100):
            tool.sample(second, PEER, 6881, SIZE * 9 // 100, 0)
        self.assertEqual(self.rules(tool), [])

    def test_the_grace_is_given_once(self):
        tool = AntiLeech(SIZE)
        tool.sample(0, PEER, 6881, SIZE * 15 // 100, 0.2)
        tool.sample(1, PEER, 6881, SIZE * 35 // 100, 0.2)
        tool.sample(2, PEER, 6881, SIZE * 35 // 100, 0.3)
        self.assertEqual(self.rules(tool), ["cut"])
        tool.sample(500, PEER, 6881, SIZE * 45 // 100, 0.3)
        self.assertEqual(self.rules(tool), ["cut", "difference"])

    def test_who_comes_back_is_the_same_address(self):
        tool = AntiLeech(SIZE)
        for connection in range(20):
            for sent in (SIZE // 100, SIZE // 50):
                tool.sample(connection * 60, PEER, 6881 + connection % 2, sent, 0.001)
        self.assertEqual(tool.sent_to(PEER), 20 * SIZE // 50)
        self.assertEqual(self.rules(tool)[:2], ["cut", "difference"])

    def test_progress_that_falls_while_something_is_sent_is_banned(self):
        for progress, sending, expected in (0.44, True, []), (0.42, True, ["rewind"]), (0.42, False, []), (0, True, []):
            with self.subTest(progress=progress, sending=sending):
                tool = AntiLeech(SIZE)
                tool.sample(0, PEER, 6881, SIZE * 48 // 100, 0.5)
                tool.sample(5, PEER, 6881, SIZE * 49 // 100, progress, sending)
                self.assertEqual(self.rules(tool), ["cut", *expected])

    def test_a_progress_of_nothing_is_not_remembered(self):
        tool = AntiLeech(SIZE)
        tool.sample(0, PEER, 6881, SIZE * 48 // 100, 0.5)
        tool.sample(5, PEER, 6882, 0, 0)
        tool.sample(10, PEER, 6882, SIZE // 100, 0.4)
        self.assertEqual(self.rules(tool), ["cut", "rewind"])

    def test_more_than_one_and_a_half_torrents_are_banned_whatever_is_announced(self):
        tool = AntiLeech(SIZE)
        tool.sample(0, PEER, 6881, SIZE, 1)
        tool.sample(5, PEER, 6881, SIZE * 3 // 2, 1)
        self.assertEqual(self.rules(tool), ["cut"])
        tool.sample(10, PEER, 6881, SIZE * 3 // 2 + 1, 1)
        self.assertEqual(self.rules(tool), ["cut", "excess"])

    def test_of_a_small_torrent_only_the_excess_counts(self):
        tool = AntiLeech(IGNORED_SIZE - 1)
        for second in range(100):
            tool.sample(second, PEER, 6881, IGNORED_SIZE, 0)
        self.assertEqual(self.rules(tool), [])
        tool.sample(100, PEER, 6881, IGNORED_SIZE * 3 // 2 + 1, 0)
        self.assertEqual(self.rules(tool), ["excess"])

    def test_addresses_are_counted_by_themselves_and_ipv6_by_its_56(self):
        tool = AntiLeech(SIZE)
        tool.sample(0, "192.0.2.2", 6881, 1, 0)
        tool.sample(0, "2001:db8:0:1200::1", 6881, 10, 0)
        tool.sample(0, "2001:db8:0:12ff::1", 6882, 20, 0)
        tool.sample(0, "2001:db8:0:1300::1", 6881, 40, 0)
        self.assertEqual(tool.sent_to(PEER), 0)
        self.assertEqual(tool.sent_to("192.0.2.2"), 1)
        self.assertEqual(tool.sent_to("2001:db8:0:1234::"), 30)


if __name__ == "__main__":
    unittest.main()
