"""A real router lets peers in: miniupnpd, asked by PCP and by UPnP, for IPv4 and IPv6; and the world gets through."""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, main
from support.miniupnpd import LINK_LOCAL, OURS_V6, OUTSIDE, PROGRAMS, ROUTER, HomeRouter
from support.machine import run

OPTIONS = ("--dht-bootstrap", "127.0.0.1:9", "--no-lsd", "--no-pex")  # nobody is there, but a DHT's port is


class Miniupnpd(TestCase):
    def setUp(self):
        super().setUp()
        if not Path("/proc/net/if_inet6").exists():
            self.lacks("this machine has no IPv6")
        self.router = HomeRouter(self)
        self.content = make_files(self.folder / "content", {"film.mkv": 500_000})

    def seed(self):
        seed = btfs.Seed(self, self.content, self.folder / "content.torrent", *OPTIONS, alone=False)
        info = btfs.run("info", self.folder / "content.torrent").stdout
        self.info_hash = re.search(r"info-hash: +([0-9a-f]{40})", info)[1]
        return seed

    def reached(self, address, port):
        return self.router.reached(address, port, self.info_hash)

    def assert_let_in(self, seed, ipv4, ipv6):
        """By those gateways, as the log names them; and no longer when the seed has ended."""
        for label, gateway in ("port mapping", ipv4), ("IPv6 pinholes", ipv6):
            seed.find(f"{label}: {re.escape(gateway)}, our external address is", 20)
        self.assertEqual(self.reached(OUTSIDE, seed.port), {"tcp", "udp"})
        self.assertEqual(self.reached(OURS_V6, seed.port), {"tcp", "udp"})
        seed.stop()
        self.assertEqual(self.router.rules(), [], self.router.log())

    def test_without_a_mapping_nobody_gets_in(self):
        self.router.start(pcp=False, upnp=True)
        seed = btfs.Seed(self, self.content, self.folder / "content.torrent", *OPTIONS, "--no-portmap", alone=False)
        self.info_hash = "00" * 20
        self.assertEqual(self.reached(OUTSIDE, seed.port), set())
        self.assertEqual(self.reached(OURS_V6, seed.port), set())
        self.assertEqual(self.router.rules(), [])

    def test_pcp(self):
        self.router.start(upnp=False)
        self.assert_let_in(self.seed(), f"PCP at {ROUTER}", f"PCP at {LINK_LOCAL}")

    def test_upnp(self):
        self.router.start(pcp=False)
        self.assert_let_in(self.seed(), f"UPnP at {ROUTER}:5000", f"UPnP at [{LINK_LOCAL}]:5000")

    def test_another_ipv6_address_of_ours_is_let_in(self):
        self.router.start()
        seed = self.seed()
        seed.find("IPv6 pinholes: PCP at", 20)
        run("ip", "address", "change", f"{OURS_V6}/64", "dev", "router", "preferred_lft", "0")
        new = OURS_V6 + "3"
        run("ip", "address", "add", f"{new}/64", "dev", "router", "nodad")
        self.wait_for(lambda: self.reached(new, seed.port) == {"tcp", "udp"}, "pinholes of the new address", 20)


if __name__ == "__main__":
    main(programs=PROGRAMS)
