"""A mount that is used without a rest: readers stream and jump through five torrents, of which a small cache holds a
third; some are killed, files are pinned and unpinned, seeds and leechers come and go, cache commands run beside it. Meanwhile
nothing may grow: memory, descriptors, threads, files of the cache, or the cache beyond its bound.

    soak.py BTFS [--seconds N]

Prints a sample each 10 s. Each figure's median of the last quarter is compared with that of the second quarter.
"""
import argparse
import os
import random
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, end, main

SECONDS = float(os.environ.get("SOAK_SECONDS", 1200))
MIB = 1 << 20
BOUND = 64 * MIB
TORRENTS = 5
FILM = 40 * MIB
READERS = 4
# Growth that a figure may have: noise of the allocator, and of readers that come and go.
MAY_GROW = {"anonymous_kib": 4096, "descriptors": 40, "threads": 4, "files": 4}


class Sampler:
    def __init__(self, pid, cache):
        self.pid, self.cache = pid, cache

    def sample(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        values = dict(line.split(":", 1) for line in status.splitlines())
        disk = files = 0
        for file in self.cache.iterdir():
            try:
                disk += file.stat().st_blocks * 512
                files += 1
            except FileNotFoundError:
                pass
        return {"anonymous_kib": int(values["RssAnon"].split()[0]), "threads": int(values["Threads"]),
                "descriptors": len(os.listdir(f"/proc/{self.pid}/fd")), "files": files, "disk": disk}


class Soak(TestCase):
    def setUp(self):
        super().setUp()
        self.use_own_folders()
        self.contents, self.torrents, self.seeds = [], [], []
        for i in range(TORRENTS):
            content = make_files(self.folder / f"from{i}" / f"t{i}", {"film.mkv": FILM - 777 * i, "a/b.txt": 100_000}, seed=i)
            self.contents.append({p: (content / p).read_bytes() for p in ("film.mkv", "a/b.txt")})
            self.torrents.append(self.folder / f"t{i}.torrent")
            self.seeds.append(btfs.Seed(self, content, self.torrents[-1], "--piece-size", "256K"))
        self.cache = self.folder / "cache"
        self.over = threading.Event()
        self.faults, self.reads, self.bytes = [], 0, 0

    def read_for_ever(self, number):
        rng = random.Random(number)
        while not self.over.is_set():
            torrent = rng.randrange(TORRENTS)
            name = rng.choice(("film.mkv", "film.mkv", "a/b.txt"))
            right = self.contents[torrent][name]
            with open(self.folder / "mnt" / f"t{torrent}" / name, "rb", buffering=0) as file:
                at = rng.randrange(len(right))
                end_at = min(len(right), at + rng.choice((4096, MIB, 12 * MIB)))
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # else the kernel answers, and not btfs
                file.seek(at)
                while at < end_at and not self.over.is_set():
                    part = file.read(min(256 << 10, end_at - at))
                    if not part or part != right[at:at + len(part)]:
                        self.faults.append(f"t{torrent}/{name} at {at}: {len(part)} bytes, wrong")
                        return
                    at += len(part)
                    self.bytes += len(part)
            self.reads += 1

    def disturb(self, rng):
        """Does something that users do."""
        film = self.folder / "mnt" / f"t{rng.randrange(TORRENTS)}" / "film.mkv"
        what = rng.randrange(5)
        if what == 0:
            reader = self.start(["dd", f"if={film}", "of=/dev/null", "bs=64k"])
            time.sleep(0.3)
            end(reader)
        elif what == 1:
            self.assertEqual(btfs.run(rng.choice(("pin", "unpin")), film.parent / "a").returncode, 0)
        elif what == 2:
            self.assertEqual(btfs.run("cache", "list", "--cache-dir", self.cache).returncode, 0)
        elif what == 3:
            self.assertEqual(btfs.run("cache", "verify", "--cache-dir", self.cache).returncode, 0)
        else:
            for file in film.parent.rglob("*"):
                file.stat()

    def test_nothing_grows(self):
        mount = btfs.Mount(self, *self.torrents, peers=[seed.port for seed in self.seeds],
                           options=["--cache-size", "64M"])
        readers = [threading.Thread(target=self.read_for_ever, args=[i]) for i in range(READERS)]
        self.addCleanup(self.over.set)
        for reader in readers:
            reader.start()
        sampler, rng = Sampler(mount.process.pid, self.cache), random.Random(1)
        samples, begun, most = [], time.monotonic(), 0
        shown = begun
        while time.monotonic() - begun < SECONDS and not self.faults:
            self.disturb(rng)
            samples.append(sampler.sample())
            most = max(most, samples[-1]["disk"])
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f"{shown - begun:6.0f} s  {samples[-1]}  {self.reads} reads, {self.bytes // MIB} MiB", flush=True)
        self.over.set()
        for reader in readers:
            reader.join()
        self.assertEqual(self.faults, [])
        self.assertLessEqual(most, BOUND)
        quarter = len(samples) // 4
        for figure, grows in MAY_GROW.items():
            before = statistics.median(sample[figure] for sample in samples[quarter:2 * quarter])
            after = statistics.median(sample[figure] for sample in samples[-quarter:])
            print(f"{figure}: {before} -> {after}")
            self.assertLessEqual(after, before + grows, figure)
        print(f"disk: {most / BOUND:.3f} of the bound at most, in {len(samples)} samples")
        mount.stop()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("btfs")
    arguments.add_argument("--seconds", default=None)
    known = arguments.parse_args()
    if known.seconds:
        os.environ["SOAK_SECONDS"] = known.seconds  # the test runs in a process of its own
    SECONDS = float(os.environ.get("SOAK_SECONDS", SECONDS))
    sys.argv[1:] = [known.btfs]
    main()
