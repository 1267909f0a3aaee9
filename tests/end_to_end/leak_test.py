"""What must not leave the machine: of a private torrent anything but to its trackers and their peers, and with --bind
anything at all over another interface."""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.capture import Capture, TCP, UDP, is_dht, is_lsd, offers_pex
from support.content import differences, make_files
from support.harness import TestCase, free_port, main
from support.machine import Machine, run


class Private(TestCase):
    """Over loopback and with all that finds peers switched on; a DHT node to start from is there."""

    def traffic_of(self, *options):
        """The mount, after it has read all, and all packets meanwhile."""
        from support.libtorrent_dht import Dht
        content = make_files(self.folder / "content", {"film.mkv": 500_000})
        torrent = btfs.create(self, content, self.folder / "content.torrent", *options)
        seed = btfs.Seed(self, content, self.folder / "seed.torrent", *options)
        dht = Dht(self, count=8)
        capture = Capture(self, "lo")
        mount = btfs.Mount(self, torrent, peers=[seed.port], options=["--dht-bootstrap", dht.router], alone=False)
        self.assertEqual(differences(content, mount.mountpoint / "content"), "")
        return mount, capture

    def test_a_public_torrent_is_told_of(self):
        mount, capture = self.traffic_of()
        self.wait_for(lambda: capture.of(mount.port, is_dht), "DHT packet", 20)
        self.wait_for(lambda: capture.of(mount.port, offers_pex) or self.offers(capture), "offer of PEX", 20)
        self.wait_for(lambda: [p for p in list(capture.packets) if is_lsd(p)], "LSD packet", 20)

    def offers(self, capture):
        return [p for p in list(capture.packets) if offers_pex(p)]

    def test_of_a_private_one_nobody_hears(self):
        mount, capture = self.traffic_of("--private")
        self.watch(3)
        self.assertTrue([p for p in list(capture.packets) if p.protocol == TCP and len(p.payload) > 10_000])
        self.assertEqual(capture.of(mount.port, is_dht), [])
        self.assertEqual([p for p in list(capture.packets) if is_lsd(p)], [])
        self.assertEqual(self.offers(capture), [])

    def watch(self, seconds):
        import time
        time.sleep(seconds)  # for what should not come there is nothing to wait for


class Bind(TestCase):
    """Two networks, each with a machine behind it; the default route leads over the wrong one."""

    def setUp(self):
        super().setUp()
        self.right = Machine(self, "right", "10.77.1.1/24", "10.77.1.2/24")
        Machine(self, "wrong", "10.77.2.1/24", "10.77.2.2/24")
        run("ip", "route", "add", "default", "via", "10.77.2.2")
        self.content = make_files(self.folder / "content", {"film.mkv": 500_000})
        self.torrent = btfs.create(self, self.content, self.folder / "content.torrent",
                                   "--tracker", "http://10.77.2.2:6969/announce",
                                   "--tracker", "udp://tracker.example:6969/announce")

    def seed_at_the_right(self):
        port = free_port()
        process = self.start(self.right.words(btfs.path(), "seed", self.content, "-o", self.folder / "seed.torrent",
                                              "--port", port, *btfs.ALONE))
        self.wait_for(lambda: "peer:" in process.output.read_text(), "seed", 10)
        return port

    def strays(self, capture):
        return [p for p in list(capture.packets) if p.source == "10.77.2.1" or p.protocol in (TCP, UDP)]

    def bound(self, where, capture):
        port = self.seed_at_the_right()
        resolv = Path("/etc/resolv.conf")
        own = self.folder / "resolv.conf"
        own.write_text("nameserver 10.77.2.2\n")
        subprocess.run(["mount", "--bind", own, resolv], check=True)
        self.addCleanup(subprocess.run, ["umount", resolv], check=True)
        mount = btfs.Mount(self, self.torrent, alone=False,
                           peers=[f"10.77.1.2:{port}", "10.77.2.2:6881", "peer.example:6881"],
                           options=["--bind", where, "--dht-bootstrap", "10.77.2.2:6881",
                                    "--dht-bootstrap", "router.example:6881"])
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        return mount

    def test_everything_goes_over_the_interface_or_nowhere(self):
        capture = Capture(self, "wrong")
        mount = self.bound("right", capture)
        run("ip", "link", "set", "right", "down")  # as a VPN goes away
        with self.assertRaises(subprocess.TimeoutExpired):
            mount.process.wait(3)
        mount.stop()
        self.assertEqual(self.strays(capture), [])

    def test_an_address_means_its_interface(self):
        capture = Capture(self, "wrong")
        self.bound("10.77.1.1", capture).stop()
        self.assertEqual(self.strays(capture), [])

    def test_without_it_the_wrong_way_is_taken(self):
        capture = Capture(self, "wrong")
        btfs.Mount(self, self.torrent, peers=["10.77.2.2:6881"])
        self.wait_for(lambda: self.strays(capture), "packet there", 10)


if __name__ == "__main__":
    main(modules=["libtorrent"])
