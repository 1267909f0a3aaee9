"""A reader while the network changes below it: another address, as from another Wi-Fi; another route, as when a VPN comes
up. The read goes on within seconds, not when time-outs of minutes have passed."""
import os
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, free_port, main
from support.machine import Machine, run

SIZE = 48 << 20
STEP = 256 << 10
WITHIN = 5  # seconds from the change until content flows again
SEED = "10.9.0.9"  # an address of the other machine that both cables lead to


class NetworkChange(TestCase):
    def setUp(self):
        super().setUp()
        self.far = Machine(self, "one", "10.1.0.1/24", "10.1.0.2/24")
        run(*self.far.words("ip", "address", "add", f"{SEED}/32", "dev", "lo"))
        run("ip", "route", "add", "default", "via", "10.1.0.2")
        self.content = make_files(self.folder / "from" / "content", {"film": SIZE})
        self.torrent = btfs.create(self, self.content, self.folder / "content.torrent")
        self.port = free_port()
        seed = self.start(self.far.words(btfs.path(), "seed", self.content, "-o", self.folder / "seeded.torrent",
                                         "--port", self.port, *btfs.ALONE))
        self.wait_for(lambda: "peer:" in seed.output.read_text(errors="replace"), "seed")
        self.mount = btfs.Mount(self, self.torrent, peers=[f"{SEED}:{self.port}"])
        self.film = os.open(self.mount.mountpoint / "content" / "film", os.O_RDONLY)
        self.addCleanup(os.close, self.film)
        self.expected = (self.content / "film").read_bytes()

    def read(self, at):
        """Reads so that nothing was fetched ahead: each far from the one before."""
        data = os.pread(self.film, STEP, at)
        self.assertEqual(data, self.expected[at:at + STEP])

    def seconds_to_read_after(self, change):
        """A read that nobody has fetched ahead, from the moment of the change on."""
        self.read(0)
        time.sleep(1)  # until what is fetched ahead is here, and the connection idle
        began = time.monotonic()
        change()
        reader = threading.Thread(target=lambda: self.read(SIZE - STEP), daemon=True)
        reader.start()
        reader.join(60)
        self.assertFalse(reader.is_alive(), "the read hangs")
        return time.monotonic() - began

    def test_another_address(self):
        def change():
            run("ip", "address", "del", "10.1.0.1/24", "dev", "one")
            run("ip", "address", "add", "10.1.0.7/24", "dev", "one")
            run("ip", "route", "replace", "default", "via", "10.1.0.2")
        self.assertLess(self.seconds_to_read_after(change), WITHIN)
        self.mount.find("the network is another one")

    def test_a_second_without_any_address(self):
        def change():
            run("ip", "address", "del", "10.1.0.1/24", "dev", "one")
            time.sleep(1)
            run("ip", "address", "add", "10.1.0.7/24", "dev", "one")
            run("ip", "route", "replace", "default", "via", "10.1.0.2")
        self.assertLess(self.seconds_to_read_after(change), WITHIN + 1)

    def test_another_default_route(self):
        run("ip", "link", "add", "two", "type", "veth", "peer", "name", "two-far", "netns", self.far.namespace.parent.parent.name)
        self.addCleanup(run, "ip", "link", "delete", "two")
        for words, device, address in ([], "two", "10.2.0.1/24"), (self.far.words(), "two-far", "10.2.0.2/24"):
            run(*words, "ip", "address", "add", address, "dev", device)
            run(*words, "ip", "link", "set", device, "up")

        def change():
            run(*self.far.words("ip", "link", "set", "one-far", "down"))
            run("ip", "route", "replace", "default", "via", "10.2.0.2")
        self.assertLess(self.seconds_to_read_after(change), WITHIN)
        self.mount.find("went over a network that has gone")

    def test_an_address_more_changes_nothing(self):
        def change():
            run("ip", "address", "add", "10.3.0.1/24", "dev", "lo")
        self.assertLess(self.seconds_to_read_after(change), WITHIN)
        time.sleep(1.5)
        self.assertNotIn("went over a network that has gone", self.mount.log())
        self.assertEqual(self.mount.log().count(f"connected to {SEED}:{self.port} as"), 1)


if __name__ == "__main__":
    main()
