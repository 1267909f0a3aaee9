"""All that finds peers, where there is no IPv4: from a torrent's name alone to its last byte."""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import differences, make_files
from support.harness import TestCase, free_port, main
from support.machine import Machine, run
from support.tracker import Tracker


class Ipv6Alone(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "content", {"film.mkv": 3_000_001, "sub/readme.txt": 20_000})
        self.torrent = self.folder / "content.torrent"
        self.ports = [free_port() for _ in range(4)]
        run("ip", "-4", "address", "flush", "dev", "lo")
        self.addCleanup(run, "ip", "address", "add", "127.0.0.1/8", "dev", "lo")

    def seed(self, *options, **more):
        seed = btfs.Seed(self, self.content, self.torrent, *options, port=self.ports.pop(), **more)
        self.name = re.search(r"info-hash: +([0-9a-f]{40})", btfs.run("info", self.torrent).stdout)[1]
        return seed

    def assert_reads_all(self, source, peer=r"\[::1\]", **more):
        mount = btfs.Mount(self, source, port=self.ports.pop(), **more)
        self.wait_for(lambda: (mount.mountpoint / "content").exists(), "the files", 20)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        mount.find(f"connected to {peer}")
        return mount

    def assert_found_by(self, tracker, url):
        seed = self.seed("--tracker", url)
        self.wait_for(lambda: tracker.events == ["started"], "seed that announces itself")
        self.assert_reads_all(f"magnet:?xt=urn:btih:{self.name}&tr={url}").stop()
        seed.stop()
        self.assertEqual(tracker.events.count("stopped"), 2, tracker.events)

    def test_http_tracker(self):
        tracker = Tracker(self)
        self.assert_found_by(tracker, tracker.http)

    def test_udp_tracker(self):
        tracker = Tracker(self)
        self.assert_found_by(tracker, tracker.udp)

    def test_peer_in_the_link(self):
        seed = self.seed()
        self.assert_reads_all(f"magnet:?xt=urn:btih:{self.name}&x.pe=[::1]:{seed.port}")

    def test_peer_exchange(self):
        options = ("--no-dht", "--no-lsd", "--no-portmap")
        seed = self.seed(*options, alone=False)
        middle = btfs.Mount(self, self.torrent, peers=[f"[::1]:{seed.port}"], port=self.ports.pop(), options=options,
                            alone=False)
        middle.find(r"connected to \[::1\]")
        # Whom the middle, which has nothing, tells of whom is the seed's luck or ours.
        self.assert_reads_all(self.name, peers=[f"[::1]:{middle.port}"], options=options, alone=False,
                              peer=r"\[::1\]:\d+ as 2", cache=self.folder / "cache.2",
                              mountpoint=self.folder / "mnt.2")

    def test_local_discovery(self):
        options = ("--no-dht", "--no-pex", "--no-portmap")
        there = Machine(self, "there", "fd77::1/64", "fd77::2/64")
        self.start(there.words(btfs.path(), "seed", self.content, "-o", self.torrent, "--port", self.ports.pop(),
                               *options))
        self.wait_for(self.torrent.exists, "torrent")
        self.assert_reads_all(self.torrent, options=options, alone=False, peer=r"\[fd77::2\]")

    def test_libtorrent_gets_the_metadata_from_us(self):
        import libtorrent as lt
        from support.libtorrent_peer import session
        seed = self.seed()
        peer = session(0, listen_interfaces=f"[::1]:{self.ports.pop()}")
        target = self.folder / "to"
        magnet = f"magnet:?xt=urn:btih:{self.name}&x.pe=[::1]:{seed.port}"
        parameters = lt.parse_magnet_uri(magnet)
        parameters.save_path = str(target)
        handle = peer.add_torrent(parameters)
        self.wait_for(lambda: handle.status().is_seeding, "torrent of which only the name was known", 30)
        self.assertEqual(differences(self.content, target / "content"), "")


if __name__ == "__main__":
    main(modules=["libtorrent"])
