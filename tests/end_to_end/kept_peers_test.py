"""Peers that served a torrent well are kept beside it, and dialled at its next mount before any tracker answers."""
import os
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, main
from support.tracker import Tracker

SIZE = 16 << 20
STEP = 64 << 10
SLOW = 5  # seconds that the tracker takes
SOON = 1  # seconds in which a read of new content is answered all the same


class KeptPeers(TestCase):
    def setUp(self):
        super().setUp()
        self.cache = self.folder / "cache"
        self.content = make_files(self.folder / "from" / "content", {"film": SIZE})
        self.tracker = Tracker(self, "127.0.0.1", delay=SLOW)

    def seed(self, *options):
        """Makes the torrent, with the tracker in it, and seeds it."""
        self.torrent = self.folder / "content.torrent"
        return btfs.Seed(self, self.content, self.torrent, "--piece-size", "256K", "--tracker", self.tracker.http,
                         *options)

    def read(self, mount, at):
        """Returns the seconds that it takes."""
        began = time.monotonic()
        film = os.open(mount.mountpoint / "content" / "film", os.O_RDONLY)
        try:
            data = os.pread(film, STEP, at)
        finally:
            os.close(film)
        self.assertEqual(data, (self.content / "film").read_bytes()[at:at + STEP])
        return time.monotonic() - began

    def first_mount(self, seed):
        """Reads a part while `--peer` names the seed."""
        mount = btfs.Mount(self, self.torrent, peers=[seed.port])
        self.read(mount, 0)
        mount.stop()

    def files(self):
        return sorted(self.cache.glob("*.peers"))

    def damage(self, change):
        file, = self.files()
        file.write_bytes(change(file.read_bytes()))


class NextMount(KeptPeers):
    def test_its_first_read_waits_for_no_tracker(self):
        seed = self.seed()
        self.first_mount(seed)
        mount = btfs.Mount(self, self.torrent)
        self.assertLess(self.read(mount, SIZE // 2), SOON)
        self.assertIn("1 peers of an earlier run are dialled", mount.log())
        self.wait_for(lambda: len(self.tracker.events) >= 3, "announces of both", 3 * SLOW)  # they go on at once

    def test_a_peer_that_the_tracker_told_of_is_kept_of_a_private_torrent_too(self):
        seed = self.seed("--private")
        first = btfs.Mount(self, self.torrent)
        self.read(first, 0)  # once the tracker has told of the seed
        first.stop()
        mount = btfs.Mount(self, self.torrent)
        self.assertLess(self.read(mount, SIZE // 2), SOON)
        seed.stop()

    def test_what_was_kept_outlasts_a_mount_that_reads_nothing_and_a_kill(self):
        seed = self.seed()
        self.first_mount(seed)
        kept = self.files()[0].read_bytes()
        btfs.Mount(self, self.torrent).stop()
        self.assertEqual(self.files()[0].read_bytes(), kept)
        killed = btfs.Mount(self, self.torrent)
        self.read(killed, SIZE // 4)
        killed.kill()
        mount = btfs.Mount(self, self.torrent)
        self.assertLess(self.read(mount, SIZE // 2), SOON)

    def test_a_file_that_is_damaged_is_ignored(self):
        seed = self.seed()
        self.first_mount(seed)
        sound = self.files()[0].read_bytes()
        for change in (lambda data: data[:20] + bytes([data[20] ^ 4]) + data[21:], lambda data: data[:-1],
                       lambda data: b"", lambda data: os.urandom(50_000), lambda data: b"x" * 100_000):
            self.damage(change)
            mount = btfs.Mount(self, self.torrent)
            self.assertEqual(os.listdir(mount.mountpoint), ["content"])
            mount.stop()
            self.assertNotRegex(mount.log(), "[1-9] peers of an earlier run")
        self.damage(lambda _: sound)
        mount = btfs.Mount(self, self.torrent)
        self.assertLess(self.read(mount, SIZE // 2), SOON)

    def test_a_filtered_peer_is_not_dialled(self):
        seed = self.seed()
        self.first_mount(seed)
        filtered = self.folder / "filter"
        filtered.write_text("127.0.0.0/8\n")
        mount = btfs.Mount(self, self.torrent, options=["--ip-filter", filtered])
        mount.find("1 peers of an earlier run are dialled")
        time.sleep(0.5)
        self.assertNotRegex(mount.log(), r"connected to 127\.")


class CacheCommands(KeptPeers):
    def test_prune_and_clear_remove_the_file(self):
        seed = self.seed()
        for words in (["clear"], ["prune", "--to", "0"]):
            self.first_mount(seed)
            self.assertEqual(len(self.files()), 1)
            self.assertRegex(self.files()[0].name, r"^[0-9a-f]{40}\.peers$")
            listed = btfs.run("cache", "list", "--cache-dir", self.cache)
            self.assertIn("1 torrent,", listed.stdout)
            done = btfs.run("cache", *words, "--cache-dir", self.cache)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.files(), [])
            self.assertEqual([file.name for file in self.cache.iterdir() if re.match("[0-9a-f]{40}", file.name)], [])


if __name__ == "__main__":
    main()
