"""All that finds peers, where there is no IPv4: from a torrent's name alone to its last byte."""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import differences, make_files
from support.harness import TestCase, free_port, main
from support.ipv6 import Ipv6Alone
from support.machine import Machine
from support.tracker import Tracker


class OverIpv6(Ipv6Alone, TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "content", {"film.mkv": 3_000_001, "sub/readme.txt": 20_000})
        self.torrent = self.folder / "content.torrent"

    def seed(self, *options, **more):
        return btfs.Seed(self, self.content, self.torrent, *options, **more)

    def name(self):
        return re.search(r"info-hash: +([0-9a-f]{40})", btfs.run("info", self.torrent).stdout)[1]

    def assert_reads_all(self, source, peer=r"\[::1\]", **more):
        mount = btfs.Mount(self, source, **more)
        self.wait_for(lambda: (mount.mountpoint / "content").exists(), "the files", 20)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        mount.find(f"connected to {peer}")
        return mount

    def assert_found_by(self, tracker, url):
        seed = self.seed("--tracker", url)
        self.wait_for(lambda: tracker.events == ["started"], "seed that announces itself")
        self.assert_reads_all(f"magnet:?xt=urn:btih:{self.name()}&tr={url}").stop()
        seed.stop()
        self.assertEqual(tracker.events.count("stopped"), 2, tracker.events)

    def test_http_tracker(self):
        tracker = Tracker(self)
        self.assert_found_by(tracker, tracker.http)

    def test_udp_tracker(self):
        tracker = Tracker(self)
        self.assert_found_by(tracker, tracker.udp)

    def assert_libtorrent_finds_us_by(self, url):
        import libtorrent as lt
        from support.libtorrent_peer import session
        seed = self.seed("--tracker", url)
        parameters = lt.parse_magnet_uri(f"magnet:?xt=urn:btih:{self.name()}&tr={url}")
        parameters.save_path = str(self.folder / "to")
        peer = session(self.at(free_port()), stop_tracker_timeout=0)  # no farewell, which delays its end
        handle = peer.add_torrent(parameters)
        self.wait_for(lambda: handle.status().is_seeding, "torrent of which name and tracker were known")
        self.assertEqual(differences(self.content, self.folder / "to" / "content"), "")
        seed.stop()

    def test_libtorrent_finds_us_by_http_tracker(self):
        self.assert_libtorrent_finds_us_by(Tracker(self).http)

    def test_libtorrent_finds_us_by_udp_tracker(self):
        self.assert_libtorrent_finds_us_by(Tracker(self).udp)

    def test_peer_in_the_link(self):
        peer = self.seed().find(r"peer: +(\S+)")[1]
        self.assert_reads_all(f"magnet:?xt=urn:btih:{self.name()}&x.pe={peer}")

    def test_peer_exchange(self):
        options = ("--no-dht", "--no-lsd", "--no-portmap")
        seed = self.seed(*options, alone=False)
        middle = btfs.Mount(self, self.torrent, peers=[seed.port], options=options, alone=False)
        middle.find(r"connected to \[::1\]")
        # The middle, which has nothing, tells the seed of us or us of the seed: that is luck.
        self.assert_reads_all(self.name(), peers=[middle.port], options=options, alone=False,
                              peer=r"\[::1\]:\d+ as 2", cache=self.folder / "cache.2",
                              mountpoint=self.folder / "mnt.2")

    def test_local_discovery(self):
        options = ("--no-dht", "--no-pex", "--no-portmap")
        there = Machine(self, "there", "fd77::1/64", "fd77::2/64")
        self.start(there.words(btfs.path(), "seed", self.content, "-o", self.torrent, "--port", free_port(),
                               *options))
        self.wait_for(self.torrent.exists, "torrent")
        self.assert_reads_all(self.name(), options=options, alone=False, peer=r"\[fd77::2\]")


if __name__ == "__main__":
    main(modules=["libtorrent"])
