"""Holepunch (BEP 55) with libtorrent: as the seed behind a NAT, and as the relay."""
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support.harness import main
from support.machine import Machine, run
from support.nats import PORTS, RELAY, WITHIN, NatTestCase


NODE = Path(__file__).parent.parent / "support" / "libtorrent_node.py"


class Seed(NatTestCase):
    def test_libtorrent_is_the_seed(self):
        one, two = self.nats()
        relay = self.relay()
        seed = self.start(one.words(sys.executable, "-B", NODE, PORTS["seed"], self.torrent, self.content.parent, RELAY, PORTS["relay"]))
        relay.find(r"connected to 198\.51\.100\.2:")
        self.wait_for(lambda: RELAY in seed.output.read_text(errors="replace"), "the relay at libtorrent")
        time.sleep(4)  # the relay has known the seed for some time
        mount = self.mount(two)
        took = self.seconds_to_read(mount, 4 * WITHIN)
        self.assertIsNotNone(took, mount.log())
        print(f"\nfirst bytes: {took:.2f} s after the read began", flush=True)
        self.assertEqual((mount.mountpoint / "content" / "film").read_bytes(), self.expected)


class Relay(NatTestCase):
    relay_is_here = False

    def test_libtorrent_is_the_relay(self):
        one, two = self.nats()
        three = Machine(self, "three", "203.0.113.254/24", f"{RELAY}/24")
        run(*three.words("ip", "route", "add", "default", "via", "203.0.113.254"))
        nothing = self.folder / "nothing"
        nothing.mkdir()
        relay = self.start(three.words(sys.executable, "-B", NODE, PORTS["relay"], self.torrent, nothing))
        self.wait_for(lambda: "peers" in relay.output.read_text(errors="replace"), "libtorrent")
        seed = self.seed(one, "--transport", "utp")
        self.wait_for(lambda: one.outside in relay.output.read_text(errors="replace"), "the seed at the relay")
        time.sleep(4)
        mount = self.mount(two, "--transport", "utp")
        took = self.seconds_to_read(mount, 4 * WITHIN)
        # It may tell both of each other by PEX at one moment: then their own dials open the NATs, too.
        self.assertIsNotNone(took, mount.log() + relay.output.read_text())
        print(f"\nfirst bytes: {took:.2f} s after the read began", flush=True)


if __name__ == "__main__":
    main(programs=("nft", "nsenter"), modules=("libtorrent",))
