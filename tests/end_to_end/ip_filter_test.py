"""`--ip-filter`: peers that are not dialled, not let in, and hung up on when the file changes; nodes of the DHT."""
import gzip
import os
import signal
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, free_port, main
from support.machine import run

SIZE = 8 << 20
ONE, TWO = "127.0.0.2", "127.0.0.3"
PING = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"


class IpFilter(TestCase):
    def setUp(self):
        super().setUp()
        for address in (ONE, TWO):
            if f"{address}/8" not in _addresses():
                run("ip", "address", "add", f"{address}/8", "dev", "lo")
        self.content = make_files(self.folder / "from" / "content", {"film": SIZE})
        self.torrent = btfs.create(self, self.content, self.folder / "content.torrent")
        self.filter = self.folder / "peers.txt"
        self.port = free_port()
        self.mountpoint = self.folder / "mnt"
        self.mountpoint.mkdir()

    def seed(self, address, *options):
        return btfs.Seed(self, self.content, self.folder / f"{address}.torrent", "--bind", address, *options)

    def words(self, *options, peers=(), alone=btfs.ALONE):
        """The command. The path of the filter is relative."""
        named = [word for peer in peers for word in ("--peer", peer)]
        return ["mount", "-f", "--log-level", "debug", "--cache-dir", self.folder / "cache", "--port", self.port,
                "--ip-filter", self.filter.name, *alone, *named, *options, self.torrent, self.mountpoint]

    def mount(self, *options, **named):
        """Without a terminal, where SIGHUP ends nothing."""
        self.process = self.start(["setsid", btfs.path(), *self.words(*options, **named)], cwd=self.folder)
        self.find("listening on port")

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def log(self):
        return self.process.output.read_text(errors="replace")

    def find(self, text, times=1):
        self.wait_for(lambda: self.log().count(text) >= times, f"'{text}' in the log")

    def read(self, at, size=64 << 10):
        with open(self.mountpoint / "content" / "film", "rb") as film:
            film.seek(at)
            data = film.read(size)
        self.assertEqual(data, (self.content / "film").read_bytes()[at:at + size])

    def connections(self, address):
        return self.log().count(f"connected to {address}:")


def _addresses():
    with os.popen("ip -4 -o address show dev lo") as lines:
        return lines.read()


class Peers(IpFilter):
    def test_a_filtered_peer_is_neither_dialled_nor_let_in(self):
        self.filter.write_bytes(gzip.compress(b"bad:127.0.0.2-127.0.0.2\n"))
        one = self.seed(ONE, "--peer", f"127.0.0.1:{self.port}")
        two = self.seed(TWO)
        self.mount(peers=[f"{ONE}:{one.port}", f"{TWO}:{two.port}"])
        self.read(0, SIZE)
        self.find(f"peer {ONE}:{one.port} is not connected to: its address is in the IP filter")
        one.find("connected to 127.0.0.1")  # the kernel has accepted it
        one.find("connection .* has ended")
        self.assertEqual(self.connections(ONE), 0)
        self.assertEqual(self.connections(TWO), 1)

    def test_a_hangup_rereads_the_file(self):
        self.filter.write_text("# nobody\n")
        one, two = self.seed(ONE), self.seed(TWO)
        self.mount(peers=[f"{ONE}:{one.port}", f"{TWO}:{two.port}"])
        self.read(0)
        self.find(f"connected to {ONE}:")
        self.find(f"connected to {TWO}:")

        self.filter.write_text("127.000.000.002 - 127.000.000.002 , 000 , one\n")
        self.hang_up()
        self.find(": in the IP filter")
        self.find(f"peer {ONE}:{one.port} is not connected to")
        one.find("connection .* has ended")
        self.read(4 << 20)
        self.assertEqual((self.connections(ONE), self.connections(TWO)), (1, 1))

        self.filter.write_bytes(b"junk\n\xff\x00")
        self.hang_up()
        self.find("the filter of before stays in force")
        self.assertEqual(self.connections(ONE), 1)

        self.filter.write_text("127.0.0.3/32\n")
        self.hang_up()
        self.find(f"connected to {ONE}:", 2)
        self.read(6 << 20)
        self.assertEqual(self.connections(TWO), 1)

    def test_a_seed_takes_it_too(self):
        self.filter.write_text(f"{ONE}\nnot an entry\n")
        seed = self.seed("127.0.0.1", "--ip-filter", self.filter)
        seed.find("1 line.s. are not understood, and left out; the first is line 2")
        with socket.create_connection(("127.0.0.1", seed.port), source_address=(ONE, 0)) as filtered:
            filtered.settimeout(10)
            self.assertEqual(filtered.recv(1), b"")
        with socket.create_connection(("127.0.0.1", seed.port), source_address=(TWO, 0)) as other:
            other.settimeout(0.3)
            self.assertRaises(TimeoutError, other.recv, 1)


class Mistakes(IpFilter):
    def test_a_file_that_cannot_be_used_is_told_at_the_start(self):
        for content, why in ((None, "No such file"), (b"<html>\nno list\n", "no line that names addresses"),
                             (b"\x1f\x8b\x08junk", "damaged or cut short")):
            if content is not None:
                self.filter.write_bytes(content)
            done = btfs.run(*self.words(), cwd=self.folder)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(why, done.stderr)
            self.assertIn(str(self.filter), done.stderr)
            self.assertFalse((self.folder / "cache").exists())
        self.filter.unlink()
        self.filter.mkdir()
        self.assertIn("Is a directory", btfs.run(*self.words(), cwd=self.folder).stderr)


class Dht(IpFilter):
    def ask(self, address):
        """Whether our node answers a ping from there."""
        with socket.socket(type=socket.SOCK_DGRAM) as node:
            node.bind((address, 0))
            node.settimeout(0.5)
            node.sendto(PING, ("127.0.0.1", self.port))
            try:
                return b"1:r" in node.recv(2000)
            except TimeoutError:
                return False

    def test_filtered_nodes_are_not_answered_and_not_asked(self):
        self.filter.write_text(f"{ONE}\n")
        with socket.socket(type=socket.SOCK_DGRAM) as bootstrap:
            bootstrap.bind((ONE, 0))
            bootstrap.settimeout(1)
            self.mount("--dht-bootstrap", f"{ONE}:{bootstrap.getsockname()[1]}",
                         alone=("--no-lsd", "--no-pex", "--no-portmap"))
            self.wait_for(lambda: self.ask(TWO), "answer")
            self.assertFalse(self.ask(ONE))
            self.assertRaises(TimeoutError, bootstrap.recv, 2000)

            self.filter.write_text(f"{TWO}\n")
            self.hang_up()
            self.wait_for(lambda: self.ask(ONE), "answer")
            self.assertFalse(self.ask(TWO))
            bootstrap.settimeout(20)
            self.assertIn(b"1:q", bootstrap.recv(2000))


if __name__ == "__main__":
    main()
