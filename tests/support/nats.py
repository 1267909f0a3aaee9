"""A world of two NATs: a seed behind the one, a mount behind the other, and a relay that both know."""
import threading
import time

from support import btfs
from support.content import make_files
from support.harness import TestCase
from support.machine import BehindNat, forward, run

SIZE = 8 << 20
FIRST = 64 << 10
WITHIN = 5  # seconds; 1.5 are wanted, and a busy machine gets more
IN_VAIN = 12  # seconds in which nothing must come where no hole can be punched
RELAY = "203.0.113.1"
PORTS = {"relay": 7000, "seed": 7001, "mount": 7002}
OPTIONS = ("--no-dht", "--no-lsd", "--no-portmap")


class NatTestCase(TestCase):
    relay_is_here = True  # else the test makes a machine for it

    def setUp(self):
        super().setUp()
        if self.relay_is_here:
            run("ip", "address", "add", f"{RELAY}/32", "dev", "lo")
            self.addCleanup(run, "ip", "address", "del", f"{RELAY}/32", "dev", "lo")
        forward()
        content = self.folder / "from" / "content"
        self.expected = (make_files(content, {"film": SIZE}) / "film").read_bytes()
        self.content = content
        self.torrent = btfs.create(self, content, self.folder / "content.torrent")

    def nats(self, symmetric=False):
        """The machines of the seed and of the mount."""
        machines = (BehindNat(self, "one", "198.51.100.1/24", "198.51.100.2/24", symmetric),
                    BehindNat(self, "two", "192.0.2.1/24", "192.0.2.2/24", symmetric))
        for device, network in ("one", "198.51.100.0/24"), ("two", "192.0.2.0/24"):
            if self.relay_is_here:
                run("ip", "route", "replace", network, "dev", device, "src", RELAY)  # what its UDP comes from
        return machines

    def relay(self, *options):
        return btfs.Mount(self, self.torrent, alone=False, port=PORTS["relay"], options=(*OPTIONS, *options),
                          cache=self.folder / "relay-cache", mountpoint=self.folder / "relay-mnt")

    def seed(self, machine, *options):
        seed = btfs.Seed(self, self.content, self.folder / "seeded.torrent", *OPTIONS, *options, alone=False,
                         port=PORTS["seed"], peers=[f"{RELAY}:{PORTS['relay']}"], where=machine.words())
        seed.find(f"connected to {RELAY}")
        return seed

    def mount(self, machine, *options):
        return btfs.Mount(self, self.torrent, alone=False, port=PORTS["mount"], peers=[f"{RELAY}:{PORTS['relay']}"],
                          options=(*OPTIONS, *options), where=machine.words())

    def seconds_to_read(self, mount, limit):
        """The time to the first bytes of the film; None if they have not come within the limit."""
        came = []

        def read():
            try:
                with open(mount.mountpoint / "content" / "film", "rb", buffering=0) as film:
                    came.append(film.read(FIRST))
            except OSError:
                pass  # the test has ended
        began = time.monotonic()
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        reader.join(limit)
        took = time.monotonic() - began
        if not came:
            return None
        self.assertEqual(came[0], self.expected[:FIRST])
        return took
