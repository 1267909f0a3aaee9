"""Two peers, each behind a NAT, that only a relay can bring together (BEP 55): a seed, and a mount. The relay knows the
torrent and has none of its content."""
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support.harness import main
from support.nats import FIRST, IN_VAIN, PORTS, WITHIN, NatTestCase


class Holepunch(NatTestCase):
    def test_a_relay_brings_them_together(self):
        one, two = self.nats()
        self.relay()
        seed = self.seed(one)
        time.sleep(4)  # the relay has known the seed for some time
        began = time.monotonic()
        mount = self.mount(two)
        took = self.seconds_to_read(mount, WITHIN)
        self.assertIsNotNone(took, mount.log() + seed.log())
        print(f"\nfirst {FIRST >> 10} KiB: {took:.2f} s after the read began, {time.monotonic() - began:.2f} s after btfs",
              flush=True)
        self.assertEqual((mount.mountpoint / "content" / "film").read_bytes(), self.expected)
        self.assertRegex(mount.log() + seed.log(), r"connected to \S+ as \d+, through a relay")

    def test_a_reader_who_comes_later_finds_them_together(self):
        one, two = self.nats()
        self.relay()
        self.seed(one)
        mount = self.mount(two)
        mount.find(fr"connected to {one.outside}:{PORTS['seed']} as", 15)
        took = self.seconds_to_read(mount, WITHIN)
        self.assertIsNotNone(took, mount.log())
        print(f"\nfirst {FIRST >> 10} KiB: {took:.2f} s after the read began", flush=True)

    def test_encryption_is_no_obstacle(self):
        one, two = self.nats()
        self.relay("--encryption", "require")
        self.seed(one, "--encryption", "require")
        time.sleep(4)
        mount = self.mount(two, "--encryption", "require")
        took = self.seconds_to_read(mount, WITHIN)
        self.assertIsNotNone(took, mount.log())
        print(f"\nfirst {FIRST >> 10} KiB: {took:.2f} s after the read began", flush=True)

    def test_a_seed_that_takes_no_part_is_not_reached(self):
        one, two = self.nats()
        self.relay()
        self.seed(one, "--no-pex")
        self.assertIsNone(self.seconds_to_read(self.mount(two), IN_VAIN))

    def test_a_nat_with_a_port_for_each_peer_cannot_be_passed(self):
        one, two = self.nats(symmetric=True)
        self.relay()
        self.seed(one)
        self.assertIsNone(self.seconds_to_read(self.mount(two), IN_VAIN))


if __name__ == "__main__":
    main(programs=("nft", "nsenter"))
