"""Holepunch (BEP 55) with libtorrent as the seed behind a NAT."""
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support.harness import main
from support.nats import PORTS, RELAY, WITHIN, NatTestCase


class Holepunch(NatTestCase):
    def test_libtorrent_is_the_seed(self):
        one, two = self.nats()
        relay = self.relay()
        seed = self.start(one.words(sys.executable, "-B", Path(__file__).parent.parent / "support" / "libtorrent_seed.py",
                                    PORTS["seed"], self.torrent, self.content.parent, RELAY, PORTS["relay"]))
        relay.find(r"connected to 198\.51\.100\.2:")
        self.wait_for(lambda: RELAY in seed.output.read_text(errors="replace"), "the relay at libtorrent")
        time.sleep(4)  # the relay has known the seed for some time
        mount = self.mount(two)
        took = self.seconds_to_read(mount, 4 * WITHIN)
        self.assertIsNotNone(took, mount.log())
        print(f"\nfirst bytes: {took:.2f} s after the read began", flush=True)
        self.assertEqual((mount.mountpoint / "content" / "film").read_bytes(), self.expected)


if __name__ == "__main__":
    main(programs=("nft", "nsenter"), modules=("libtorrent",))
