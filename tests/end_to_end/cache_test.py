"""Bytes that a mount serves: right ones or none, whatever the disk, the network and the peers do."""
import errno
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import MIXED, differences, make_files
from support.harness import TestCase, end, has_open, is_asleep, main


class Serving(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content", MIXED)
        self.torrent = btfs.create(self, self.content, self.folder / "content.torrent", "--piece-size", "256K")
        self.film = self.folder / "mnt" / "content" / "film.mkv"

    def seed(self, port=None, peers=()):
        return btfs.Seed(self, self.content, self.torrent, "--piece-size", "256K", port=port, peers=peers)

    def assert_all_right(self):
        self.assertEqual(differences(self.content, self.folder / "mnt" / "content"), "")

    def read_all_once(self):
        seed = self.seed()
        mount = btfs.Mount(self, self.torrent, peers=[seed.port])
        self.assert_all_right()
        mount.stop()
        seed.stop()
        return seed.port

    def data_file(self):
        file, = (self.folder / "cache").glob("*.data")
        return file

    def test_what_is_cached_is_read_without_a_network(self):
        self.read_all_once()
        btfs.Mount(self, self.torrent)
        self.assert_all_right()

    def test_content_that_rotted_on_disk_is_never_served(self):
        port = self.read_all_once()
        # Every byte of one block, in the film's middle: whatever files come before it, it is found by content.
        right = (self.content / "film.mkv").read_bytes()
        block = right[6_000_000:6_016_384]
        stored = self.data_file().read_bytes()
        place = stored.index(block)
        with open(self.data_file(), "r+b") as file:
            file.seek(place)
            file.write(bytes(byte ^ 0xFF for byte in block))
        os.sync()

        mount = btfs.Mount(self, self.torrent, peers=[port])
        copy = self.folder / "copy"
        reader = self.start(["dd", f"if={self.film}", f"of={copy}", "bs=16k"])
        self.wait_for(lambda: copy.exists() and copy.stat().st_size >= 5_600_000, "good bytes before the bad ones")
        mount.find("is damaged on disk")
        self.wait_for(lambda: is_asleep(reader.pid), "read that waits")
        self.assertIsNone(reader.poll(), "a read of rotten bytes has ended")
        had = copy.read_bytes()
        self.assertEqual(had, right[:len(had)])
        self.assertLessEqual(len(had), 6_000_000)

        self.seed(port)
        self.assertEqual(reader.wait(40), 0)
        self.assertEqual(copy.read_bytes(), right)
        self.assert_all_right()

    def test_a_full_disk_leaves_reads_right(self):
        small = self.folder / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", small], check=True)
        seed = self.seed()
        for size, warnings in (("none", 1), ("8M", 0)):  # with a bound, room is made before the disk is full
            mount = btfs.Mount(self, self.torrent, peers=[seed.port], cache=small / "cache",
                               options=["--cache-size", size])
            self.assert_all_right()
            self.assertEqual(len(re.findall(r"warning: cache: cannot write", mount.log())), warnings, mount.log())
            self.assert_all_right()
            mount.stop()

    def test_background_completes_the_torrent(self):
        seed = self.seed()
        mount = btfs.Mount(self, self.torrent, peers=[seed.port], options=["--background"])
        mount.find("content: complete")
        seed.stop()
        self.assert_all_right()

    def test_on_demand_fetches_not_much_more_than_is_read(self):
        seed = self.seed()
        mount = btfs.Mount(self, self.torrent, peers=[seed.port])
        self.assertEqual((self.folder / "mnt/content/readme.txt").read_bytes(),
                         (self.content / "readme.txt").read_bytes())
        # The only peer answers in order: when another file's end has come, so has all that was asked for before.
        with open(self.film, "rb") as film:
            film.seek(-1, os.SEEK_END)
            self.assertEqual(len(film.read()), 1)
        mount.stop()
        seed.stop()
        self.assertLess(self.data_file().stat().st_blocks * 512, 2_000_000)

    def test_a_read_times_out_if_told_so(self):
        btfs.Mount(self, self.torrent, options=["--read-timeout", "1"])
        began = time.monotonic()
        with open(self.film, "rb", buffering=0) as file:
            with self.assertRaises(OSError) as failed:
                file.read(1000)
        self.assertEqual(failed.exception.errno, errno.EIO)
        self.assertGreater(time.monotonic() - began, 0.9)
        self.assertLess(time.monotonic() - began, 8)

    def test_a_waiting_read_can_be_killed(self):
        btfs.Mount(self, self.torrent)
        reader = self.start(["cat", self.film])
        self.wait_for(lambda: has_open(reader.pid, self.film) and is_asleep(reader.pid), "read that waits")
        self.assertIsNone(reader.poll())
        began = time.monotonic()
        end(reader)
        self.assertLess(time.monotonic() - began, 2)

    def test_a_lying_peer_beside_a_good_one_changes_nothing(self):
        liar = Liar(self, self.torrent)
        mount = btfs.Mount(self, self.torrent, peers=[f"127.0.0.2:{liar.port}"])
        reader = self.start(["cmp", self.content / "film.mkv", self.film])
        mount.find("does not match its hash")
        self.assertIsNone(reader.poll(), reader.output.read_text())
        self.seed(peers=[mount.port])
        self.assertEqual(reader.wait(30), 0, reader.output.read_text())
        self.assert_all_right()


class Liar:
    """Says that it has everything, and answers each request with other bytes."""

    def __init__(self, test, torrent):
        found = re.search(r"info-hash: +([0-9a-f]{40})", btfs.run("info", torrent).stdout)
        self.info_hash = bytes.fromhex(found[1])
        self.pieces = int(re.search(r"pieces: +(\d+)", btfs.run("info", torrent).stdout)[1])
        self.lies = 0
        self.listener = socket.create_server(("127.0.0.2", 0))
        self.port = self.listener.getsockname()[1]
        test.addCleanup(self.listener.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        try:
            with connection, connection.makefile("rb") as stream:
                stream.read(68)
                connection.sendall(b"\x13BitTorrent protocol" + bytes(8) + self.info_hash + b"-XX0000-liarliarliar")
                bits = bytearray((self.pieces + 7) // 8)
                for piece in range(self.pieces):
                    bits[piece // 8] |= 0x80 >> piece % 8
                self.say(connection, 5, bytes(bits))
                self.say(connection, 1)
                while True:
                    size, = struct.unpack(">I", stream.read(4))
                    message = stream.read(size)
                    if message[:1] == b"\x06":
                        piece, begin, length = struct.unpack(">III", message[1:])
                        self.lies += 1
                        self.say(connection, 7, struct.pack(">II", piece, begin) + bytes(length))
        except (OSError, struct.error):
            pass  # it was hung up on

    def say(self, connection, kind, payload=b""):
        connection.sendall(struct.pack(">IB", 1 + len(payload), kind) + payload)


if __name__ == "__main__":
    main()
