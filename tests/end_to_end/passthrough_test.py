"""Complete files that the kernel reads from the cache by itself: the right bytes under eviction, mappings and ends of mounts;
and the same bytes where the kernel or libfuse cannot do that."""
import contextlib
import fcntl
import gzip
import mmap
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, main

MIB = 1 << 20
BOUND = 16 * MIB
ASK_FILE_STATE = 0x8020B701
PASSED = "the kernel reads node"


def is_to_be_expected():
    """True if btfs is linked to libfuse 3.17 or later, and the kernel has passthrough."""
    linked = subprocess.run(["ldd", btfs.path()], capture_output=True, text=True).stdout
    found = re.search(r"libfuse3\.so\.(\d+)", linked)
    kernel = tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups()))
    if not found or int(found[1]) < 4 or kernel < (6, 9):
        return False
    config = Path("/proc/config.gz")
    return not config.exists() or b"CONFIG_FUSE_PASSTHROUGH=y" in gzip.decompress(config.read_bytes())


def bytes_on_disk(folder):
    return sum(file.stat().st_blocks * 512 for file in Path(folder).glob("*"))


class Passthrough(TestCase):
    def setUp(self):
        super().setUp()
        self.works = is_to_be_expected()
        self.content = make_files(self.folder / "from", {"film.mkv": 6 * MIB + 777, "other.bin": 30 * MIB})
        self.right = {file.name: file.read_bytes() for file in self.content.iterdir()}
        self.film = btfs.Seed(self, self.content / "film.mkv", self.folder / "film.torrent", "--piece-size", "256K")
        self.other = btfs.Seed(self, self.content / "other.bin", self.folder / "other.torrent", "--piece-size", "256K")
        self.cache = self.folder / "cache"

    def mount(self, *options, size=BOUND):
        return btfs.Mount(self, self.film.torrent, self.other.torrent, peers=[self.film.port, self.other.port],
                          options=("--cache-size", str(size), *options))

    def shown(self, name="film.mkv"):
        return self.folder / "mnt" / name

    def read(self, name="film.mkv"):
        with open(self.shown(name), "rb", buffering=0) as file:
            content = b"".join(iter(lambda: file.read(MIB), b""))
        self.assertEqual(content, self.right[name])

    def press(self):
        """Reads the other file past the page cache, here and there: nothing of it is left behind, so that the film is
        worth least."""
        right = self.right["other.bin"]
        file = os.open(self.shown("other.bin"), os.O_RDONLY | os.O_DIRECT)
        for at in range(0, len(right), MIB):
            self.assertEqual(os.pread(file, MIB // 2, at), right[at:at + MIB // 2])
        os.close(file)

    def complete(self):
        """Reads the film until it is in the cache, then until an open of it is passed through."""
        self.read()
        before = self.passed()
        if self.works:
            self.wait_for(lambda: self.read() or self.passed() > before, "passthrough")

    def passed(self):
        return self.running.log().count(PASSED)

    def test_a_complete_file_is_passed_through_and_stays_under_the_pressure_of_others(self):
        self.running = self.mount()
        self.complete()
        with open(self.shown(), "rb", buffering=0) as film, open(self.shown(), "rb", buffering=0) as mapped:
            mapping = mmap.mmap(mapped.fileno(), 0, prot=mmap.PROT_READ)
            mapped.close()
            direct = os.open(self.shown(), os.O_RDONLY | os.O_DIRECT)
            self.assertEqual(os.pread(direct, 1000, 777), self.right["film.mkv"][777:1777])
            os.close(direct)
            state = fcntl.ioctl(film.fileno(), ASK_FILE_STATE, bytes(32))
            self.assertEqual(struct.unpack_from("=20sB3xQ", state)[1:], (1, 0))
            self.press()
            self.assertEqual(os.pread(film.fileno(), len(self.right["film.mkv"]), 0), self.right["film.mkv"])
        # A file that is open no longer, but mapped.
        for _ in range(3):
            self.press()
            time.sleep(1)
        self.assertEqual(mapping[:], self.right["film.mkv"])
        mapping.close()
        self.assertLessEqual(bytes_on_disk(self.cache), BOUND)
        if not self.works:
            self.assertEqual(self.passed(), 0)

    def test_what_was_passed_through_is_evicted_later(self):
        self.running = self.mount()
        self.complete()
        data = max(self.cache.glob("*.data"), key=lambda file: file.stat().st_size == len(self.right["film.mkv"]))
        self.wait_for(lambda: data.stat().st_blocks * 512 >= 6 * MIB, "film on the disk")
        self.wait_for(lambda: self.press() or data.stat().st_blocks * 512 < 6 * MIB, "eviction", 60)
        self.read()

    def test_a_file_larger_than_half_of_the_cache_is_not_passed_through(self):
        self.running = self.mount(size=11 * MIB)
        self.read()
        time.sleep(0.5)
        self.read()
        self.assertEqual(self.passed(), 0)

    def test_a_file_that_is_open_while_it_is_completed_goes_on_as_it_was(self):
        self.running = self.mount()
        with open(self.shown(), "rb", buffering=0) as early:
            self.assertEqual(early.read(1000), self.right["film.mkv"][:1000])
            self.read()
            time.sleep(0.5)
            self.read()
            self.assertEqual(self.passed(), 0)
            self.assertEqual(os.pread(early.fileno(), 1000, 5 * MIB), self.right["film.mkv"][5 * MIB:5 * MIB + 1000])
        self.complete()

    def test_many_programs_open_it_at_once(self):
        self.running = self.mount()
        self.complete()
        before, wrong = self.descriptors(), []

        def look(number):
            for i in range(100):
                fd = os.open(self.shown(), os.O_RDONLY | (os.O_DIRECT if (i + number) % 4 == 0 else 0))
                at = (i * 7919 * 4096) % (6 * MIB)
                if os.pread(fd, 4096, at) != self.right["film.mkv"][at:at + 4096]:
                    wrong.append(at)
                os.close(fd)

        threads = [threading.Thread(target=look, args=[number]) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.wait_for(lambda: self.descriptors() <= before, "end of all that was opened")

    def descriptors(self):
        return len(list(Path(f"/proc/{self.running.process.pid}/fd").iterdir()))

    def test_export_copies_it(self):
        self.running = self.mount()
        self.complete()
        with open(self.shown(), "rb"):
            done = btfs.run("export", "--cache-dir", self.cache, self.shown(), self.folder / "copy.mkv")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.folder / "copy.mkv").read_bytes(), self.right["film.mkv"])

    def test_the_mount_ends_with_the_file_open_and_the_next_one_does_not_take_its_bytes_away(self):
        for how in (signal.SIGTERM, signal.SIGKILL):
            self.running = self.mount()
            self.complete()
            film = os.open(self.shown(), os.O_RDONLY)
            if how == signal.SIGTERM:
                self.running.stop()
            else:
                self.running.kill()
            self.running = self.mount()
            self.press()
            self.press()
            try:
                content = os.pread(film, len(self.right["film.mkv"]), 0)
            except OSError:
                self.assertFalse(self.works)  # a file that the kernel does not read by itself ends with its mount
            else:
                # Without passthrough the kernel gives the pages that it still has.
                self.assertEqual(content, self.right["film.mkv"][: None if self.works else len(content)])
            with contextlib.suppress(OSError):  # the mount that it belonged to has gone
                os.close(film)
            self.running.stop()

    def test_a_reader_that_is_killed_leaves_nothing_behind(self):
        self.running = self.mount()
        self.complete()
        for _ in range(5):
            reader = self.start(["sh", "-c", f"while cat '{self.shown()}' > /dev/null; do :; done"])
            time.sleep(0.1)
            reader.kill()
            reader.wait()
        before = self.passed()
        if self.works:
            self.wait_for(lambda: self.read() or self.passed() > before, "a new open that is passed through")
        self.running.stop()

    def test_it_can_be_turned_off(self):
        self.running = self.mount("-o", "no_passthrough")
        self.read()
        time.sleep(0.5)
        self.read()
        self.assertEqual(self.passed(), 0)


if __name__ == "__main__":
    main()
