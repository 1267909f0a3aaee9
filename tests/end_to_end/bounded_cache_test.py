"""A cache with a bound: what is larger streams through it, the bound holds at every moment, and what is read is right."""
import os
import random
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, end, main

MIB = 1 << 20
BOUND = 8 * MIB
BOUNDED = ("--cache-size", "8M")
# More for a long run.
KILLS = int(os.environ.get("BTFS_KILLS", "6"))


def bytes_on_disk(folder):
    total = 0
    for file in Path(folder).glob("*"):
        try:
            total += file.stat().st_blocks * 512
        except FileNotFoundError:
            pass  # it was evicted just now
    return total


class Watch:
    """Looks at the size of a cache again and again."""

    def __init__(self, test, folder):
        self.most, self.looks, self.over = 0, 0, False
        self.thread = threading.Thread(target=self.look, args=[folder])
        self.thread.start()
        test.addCleanup(self.stop)

    def look(self, folder):
        while not self.over:
            self.most = max(self.most, bytes_on_disk(folder))
            self.looks += 1
            time.sleep(0.001)

    def stop(self):
        self.over = True
        self.thread.join()
        return self.most


class BoundedCache(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content", {"film.mkv": 40 * MIB - 777, "notes.txt": 300_000})
        self.torrent = self.folder / "content.torrent"
        self.seed = btfs.Seed(self, self.content, self.torrent, "--piece-size", "256K")
        self.right = {file.name: file.read_bytes() for file in self.content.iterdir()}
        self.cache = self.folder / "cache"

    def mount(self, *options, torrent=None, peer=None):
        return btfs.Mount(self, torrent or self.torrent, peers=[peer or self.seed.port], options=options)

    def shown(self, name):
        return self.folder / "mnt" / "content" / name

    def assert_reads_right(self, name="film.mkv", step=MIB):
        right, at = self.right[name], 0
        with open(self.shown(name), "rb", buffering=0) as file:
            while part := file.read(step):
                self.assertEqual(part, right[at:at + len(part)], f"wrong at {at}")
                at += len(part)
        self.assertEqual(at, len(right))

    def test_what_is_larger_than_the_bound_streams_through_it(self):
        mount = self.mount(*BOUNDED)
        watch = Watch(self, self.cache)
        self.assert_reads_right()
        self.assert_reads_right("notes.txt")
        with open(self.shown("film.mkv"), "rb", buffering=0) as film:
            rng = random.Random(3)
            for _ in range(40):
                at = rng.randrange(0, len(self.right["film.mkv"]) - 5000)
                film.seek(at)
                self.assertEqual(film.read(5000), self.right["film.mkv"][at:at + 5000])
        self.assertLessEqual(watch.stop(), BOUND)
        self.assertGreater(watch.looks, 5)  # a fast machine reads all of it in a tenth of a second
        self.assertGreater(bytes_on_disk(self.cache), BOUND // 3, "more was evicted than had to be")
        mount.stop()
        self.assertLessEqual(bytes_on_disk(self.cache), BOUND)

    def test_a_cache_that_vanishes_under_a_mount_costs_no_reader_a_byte(self):
        mount = self.mount(*BOUNDED)
        for gone in ("all its files", "the folder, too"):
            with open(self.shown("film.mkv"), "rb", buffering=0) as film:
                self.assertEqual(film.read(4 * MIB), self.right["film.mkv"][:4 * MIB])
            for file in self.cache.iterdir():
                file.unlink()
            if gone != "all its files":
                self.cache.rmdir()
            self.assert_reads_right()
            self.assert_reads_right("notes.txt")
        mount.stop()
        mount = self.mount(*BOUNDED)
        self.assert_reads_right()
        self.assertGreater(bytes_on_disk(self.cache), BOUND // 3, "the next mount makes it anew")

    def test_many_readers_share_it(self):
        self.mount(*BOUNDED)
        watch = Watch(self, self.cache)
        film, copies = self.shown("film.mkv"), []
        for i in range(6):
            copies.append(self.folder / f"copy{i}")
            self.start(["dd", f"if={film}", f"of={copies[-1]}", "bs=64k", f"skip={i * 90}", "count=80"])
        for i, copy in enumerate(copies):
            self.wait_for(lambda: copy.exists() and copy.stat().st_size == 80 * 65536, f"copy {i}", 60)
            self.assertEqual(copy.read_bytes(), self.right["film.mkv"][i * 90 * 65536:(i * 90 + 80) * 65536])
        self.assertLessEqual(watch.stop(), BOUND)

    def test_two_mounts_that_share_it_keep_its_bound_together(self):
        other = make_files(self.folder / "from2" / "other", {"film.mkv": 30 * MIB}, seed=2)
        seed = btfs.Seed(self, other, self.folder / "other.torrent", "--piece-size", "256K")
        watch = Watch(self, self.cache)
        self.mount(*BOUNDED)
        second = btfs.Mount(self, seed.torrent, peers=[seed.port], options=BOUNDED, mountpoint=self.folder / "mnt2")
        copies = [(self.shown("film.mkv"), self.content / "film.mkv"),
                  (self.folder / "mnt2" / "other" / "film.mkv", other / "film.mkv")]
        for _ in range(2):
            readers = [self.start(["cmp", *pair]) for pair in copies]
            for reader in readers:
                self.assertEqual(reader.wait(60), 0)
            second.kill()
            second = btfs.Mount(self, seed.torrent, peers=[seed.port], options=BOUNDED, mountpoint=self.folder / "mnt2")
        self.assertLessEqual(watch.stop(), BOUND)
        self.assertGreater(watch.looks, 5)  # a fast machine reads all of it in a tenth of a second

    def test_a_kill_at_any_moment_keeps_the_bound_and_loses_no_more_than_that_moment(self):
        rng = random.Random(int(time.time()))
        for kill in range(KILLS):
            mount = self.mount(*BOUNDED)
            reader = self.start(["dd", f"if={self.shown('film.mkv')}", "of=/dev/null", "bs=64k",
                                 f"skip={rng.randrange(300)}"])
            time.sleep(rng.random() * 0.4)
            had = self.pieces_had()
            mount.kill()
            end(reader)
            self.assertLessEqual(bytes_on_disk(self.cache), BOUND, f"kill {kill}")
            mount = self.mount(*BOUNDED)
            self.assertLessEqual(bytes_on_disk(self.cache), BOUND, f"after kill {kill}")
            self.assertGreaterEqual(self.pieces_had(), min(had, 8), f"after kill {kill}")
            self.assert_reads_right("film.mkv" if kill % 3 == 0 else "notes.txt")
            mount.stop()

    def pieces_had(self):
        """The pieces that the torrent's claims list."""
        claims = next(self.cache.glob("*.claims"), None)
        content = claims.read_bytes() if claims else b""
        bits = content[128:128 + (len(content) - 128) // 2]
        return sum(byte.bit_count() for byte in bits) // 16

    def test_a_smaller_bound_and_another_torrent_make_room(self):
        mount = self.mount()
        self.assert_reads_right()
        mount.stop()
        self.assertGreater(bytes_on_disk(self.cache), 39 * MIB)
        mount = self.mount(*BOUNDED)
        self.wait_for(lambda: bytes_on_disk(self.cache) <= BOUND, "smaller cache")
        self.assert_reads_right("notes.txt")
        mount.stop()
        # The content of another torrent, which nobody uses, goes as a whole.
        old, = self.cache.glob("*.data")
        hour_ago = time.time() - 3600
        for file in self.cache.glob("*"):
            os.utime(file, (hour_ago, hour_ago))
        other = make_files(self.folder / "from2" / "content", {"film.mkv": 20 * MIB}, seed=2)
        seed = btfs.Seed(self, other, self.folder / "other.torrent", "--piece-size", "256K")
        self.right = {"film.mkv": (other / "film.mkv").read_bytes()}
        self.mount(*BOUNDED, torrent=seed.torrent, peer=seed.port)
        with open(self.shown("film.mkv"), "rb", buffering=0) as film:
            for at in range(0, 20 * MIB, MIB):  # here and there: nothing is left behind
                film.seek(at)
                self.assertEqual(film.read(MIB // 2), self.right["film.mkv"][at:at + MIB // 2])
        self.assertLessEqual(bytes_on_disk(self.cache), BOUND)
        self.assertFalse(old.exists())

    def test_the_background_fills_it_and_evicts_nothing(self):
        mount = self.mount(*BOUNDED, "--background")
        self.wait_for(lambda: bytes_on_disk(self.cache) > BOUND // 2, "content of the background")
        time.sleep(0.5)
        before = self.pieces_had()
        time.sleep(1)
        self.assertEqual(self.pieces_had(), before)
        self.assert_reads_right()
        self.assertLessEqual(bytes_on_disk(self.cache), BOUND)
        mount.stop()

    def test_pieces_that_do_not_fit_are_refused_and_the_size_is_checked(self):
        large = self.folder / "large.torrent"
        btfs.create(self, self.content, large, "--piece-size", "4M")
        (self.folder / "mnt").mkdir()
        done = btfs.run("mount", "-f", *btfs.ALONE, "--cache-dir", self.cache, *BOUNDED, large, self.folder / "mnt")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--cache-size", done.stderr)
        for size in ("1M", "-5", "0%", "101%", "x", "", "5X"):
            done = btfs.run("mount", "-f", "--cache-size", size, self.torrent, self.folder / "mnt")
            self.assertEqual(done.returncode, 2, size)
            self.assertIn("--cache-size", done.stderr)


if __name__ == "__main__":
    main()
