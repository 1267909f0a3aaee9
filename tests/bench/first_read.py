"""How fast a mount hands out what its cache has, against bare_fuse.cpp, which only preads, on the same bytes.

    tests/bench/first_read.py build/release/btfs

Each round mounts btfs, then bare_fuse, then bare_fuse --splice, all on one cache file that is in the page cache. The
pages of the mount itself are dropped before each figure but the last. BTFS_BENCH_MIB is the size of the file (1024),
BTFS_BENCH_ROUNDS how many rounds there are (5).
"""
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.harness import TestCase, end, main

MIB = 1 << 20
SIZE = int(os.environ.get("BTFS_BENCH_MIB", 1024)) * MIB
ROUNDS = int(os.environ.get("BTFS_BENCH_ROUNDS", 5))
SCATTERED_READS = 10_000

FIGURES = {
    "first": "first read after a mount, in sequence, GB/s",
    "again": "read again in sequence, GB/s",
    "cold": "random 4 KiB, thousands a second",
    "warm": "random 4 KiB from the mount's own pages, thousands a second",
}


def make_file(path):
    rng = random.Random(1)
    with open(path, "wb") as file:
        for _ in range(SIZE // MIB):
            file.write(rng.randbytes(MIB))


def read_all(path):
    """GB/s in reads of 1 MiB."""
    buffer = bytearray(MIB)
    with open(path, "rb", buffering=0) as file:
        began = time.perf_counter()
        total = 0
        while count := file.readinto(buffer):
            total += count
        return total / (time.perf_counter() - began) / 1e9


def read_scattered(path):
    """Thousands of reads a second, first not from the mount's pages and then from them."""
    rng = random.Random(2)
    places = [rng.randrange(SIZE // 4096) * 4096 for _ in range(SCATTERED_READS)]
    buffer = bytearray(4096)
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        rates = []
        for _ in range(2):
            began = time.perf_counter()
            for place in places:
                os.preadv(file.fileno(), [buffer], place)
            rates.append(len(places) / (time.perf_counter() - began) / 1e3)
    return rates


def drop_pages(path):
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class FirstRead(TestCase):
    def test_against_bare_fuse(self):
        content = self.folder / "from" / "file"
        content.parent.mkdir()
        make_file(content)
        torrent = self.folder / "file.torrent"
        seed = btfs.Seed(self, content, torrent)
        mount = btfs.Mount(self, torrent, peers=[seed.port])
        print(f"\nfrom our own seeder, over loopback: {read_all(mount.mountpoint / 'file'):.2f} GB/s", flush=True)
        mount.stop()
        seed.stop()
        content.unlink()
        cached, = (self.folder / "cache").glob("*.data")
        print(f"the cache file without a mount: {read_all(cached):.2f} GB/s", flush=True)

        measured = {name: [] for name in ("btfs", "bare", "bare --splice")}
        for _ in range(ROUNDS):
            mount = btfs.Mount(self, torrent)
            measured["btfs"].append(self.measure(mount.mountpoint / "file"))
            mount.stop()
            for name, options in (("bare", []), ("bare --splice", ["--splice"])):
                measured[name].append(self.measure_bare(cached, options))

        print(f"\n| medians of {ROUNDS} | btfs | bare | bare --splice | btfs / bare |\n|---|---|---|---|---|")
        for figure, text in FIGURES.items():
            ours, bare, splice = (statistics.median(run[figure] for run in runs) for runs in measured.values())
            print(f"| {text} | {ours:.2f} | {bare:.2f} | {splice:.2f} | {ours / bare:.2f} |", flush=True)

    def measure_bare(self, cached, options):
        program = Path(btfs.path()).parent / "tests" / "bench" / "bare_fuse"
        mountpoint = self.folder / "bare"
        mountpoint.mkdir(exist_ok=True)
        process = self.start([program, *options, cached, mountpoint])
        shown = mountpoint / "file"
        self.wait_for(shown.exists, "mount of bare_fuse")
        try:
            return self.measure(shown)
        finally:
            subprocess.run(["umount", mountpoint], check=True, timeout=10)
            self.assertEqual(end(process), 0)

    def measure(self, path):
        first = read_all(path)
        drop_pages(path)
        again = read_all(path)
        drop_pages(path)
        cold, warm = read_scattered(path)
        return {"first": first, "again": again, "cold": cold, "warm": warm}


if __name__ == "__main__":
    main()
