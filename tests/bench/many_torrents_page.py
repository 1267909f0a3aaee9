"""Prints how soon the page of a mount of many torrents can be used, and what it costs the mount while it is open:
python3 tests/bench/many_torrents_page.py BTFS; BTFS_TORRENTS=10000. As root; needs chromium and build/npm."""
import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs, npm_programs
from support.harness import TestCase, free_port, main

SCRIPT = Path(__file__).with_suffix(".mjs")
COUNT = int(os.environ.get("BTFS_TORRENTS", "10000"))
PIECE = 1 << 20
SECONDS = 20


def bencoded(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    return b"d" + b"".join(bencoded(key) + bencoded(value[key]) for key in sorted(value)) + b"e"


def make_torrents(folder):
    rng = random.Random(1)
    words = [hashlib.sha1(b"%d" % number).hexdigest()[:rng.randrange(3, 9)] for number in range(500)]
    for number in range(COUNT):
        pieces = rng.randrange(1, 40)
        info = {b"name": f"{' '.join(rng.choices(words, k=4))} {number:05}.mkv".encode(), b"length": pieces * PIECE,
                b"piece length": PIECE, b"pieces": rng.randbytes(20 * pieces)}
        (folder / f"{number}.torrent").write_bytes(bencoded({b"info": info}))


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class ManyTorrentsPage(TestCase):
    def test_page(self):
        self.use_own_folders()
        torrents = self.folder / "torrents"
        torrents.mkdir()
        make_torrents(torrents)
        port = free_port()
        began = time.monotonic()
        mount = btfs.Mount(self, torrents, options=(f"--web=127.0.0.1:{port}",))
        self.wait_for(lambda: len(os.listdir(mount.mountpoint)) == COUNT, "all torrents", 120)
        print(f"{COUNT} torrents mounted after {time.monotonic() - began:.1f} s", flush=True)
        pid = mount.process.pid
        time.sleep(3)
        idle = -cpu_seconds(pid)
        time.sleep(SECONDS)
        idle += cpu_seconds(pid)
        browser = self.start(["node", SCRIPT, npm_programs.MODULES, f"http://127.0.0.1:{port}/"], stdin=subprocess.PIPE)
        self.wait_for(lambda: "open" in browser.output.read_text(), "open page", 60)
        open_ = -cpu_seconds(pid)
        time.sleep(SECONDS)
        open_ += cpu_seconds(pid)
        browser.communicate(b"end\n", timeout=30)
        print(browser.output.read_text(), end="")
        print(f"the mount uses {100 * idle / SECONDS:.1f} % of a core without a page, {100 * open_ / SECONDS:.1f} % with it")


if __name__ == "__main__":
    main(programs=("node", "chromium"), missing=npm_programs.lacks_browser)
