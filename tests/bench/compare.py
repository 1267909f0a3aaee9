"""This btfs and Debian's, side by side; compare.sh calls it.

One libtorrent seeder and a tracker that names it, all on this machine. Each program starts with an empty cache for
every figure; they take turns. Every byte that was read is compared with the original. The seeder takes TCP alone, as
uTP is slow inside a machine; BTFS_BENCH_UTP=1 lets it take uTP, too.
"""
import http.server
import os
import platform
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.harness import TestCase, end, free_port, main, skip

MIB = 1 << 20
SIZE = int(os.environ.get("BTFS_BENCH_MIB", 256)) * MIB
ROUNDS = int(os.environ.get("BTFS_BENCH_ROUNDS", 5))
SEEKS = 15
LIMIT = 60  # seconds for each part of a round; what was not done by then counts as it is
# A namespace for the seeder and one for the programs, joined by a virtual cable: libtorrent, which Debian's btfs
# stands on, binds its connections to an interface, and gets nowhere with an address of its own machine.
SEEDER, PROGRAM = "198.18.0.1", "198.18.0.2"
SEEDER_PORT, TRACKER_PORT = 6881, 8080
DEBIANS = "/usr/bin/btfs"

FIGURES = {
    "first": ("start of the program to the first 64 KiB, s", "{:.2f}"),
    "rate": ("then in sequence, MB/s", "{:.0f}"),
    "cpu": ("CPU of the program, s/GiB", "{:.2f}"),
    "seek": ("a random read of 64 KiB, median, ms", "{:.1f}"),
}


class Tracker(http.server.BaseHTTPRequestHandler):
    """Names the seeder to everybody."""

    def do_GET(self):
        peer = socket.inet_aton(SEEDER) + SEEDER_PORT.to_bytes(2, "big")
        body = b"d8:intervali1800e5:peers6:" + peer + b"e"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def seed(torrent, folder):
    """What runs in the seeder's namespace, from when its address is there."""
    import libtorrent as lt
    from support.libtorrent_peer import session
    sys.stdin.readline()
    tracker = http.server.ThreadingHTTPServer((SEEDER, TRACKER_PORT), Tracker)
    threading.Thread(target=tracker.serve_forever, daemon=True).start()
    seeding = session(f"{SEEDER}:{SEEDER_PORT}", enable_incoming_utp=os.environ.get("BTFS_BENCH_UTP") == "1")
    handle = seeding.add_torrent({"ti": lt.torrent_info(torrent), "save_path": folder})
    handle.unset_flags(lt.torrent_flags.auto_managed)
    handle.resume()
    while not handle.status().is_seeding:
        time.sleep(0.1)
    print("seeding", flush=True)
    sys.stdin.read()


class Compare(TestCase):
    def test_and_print(self):
        rng = random.Random(1)
        self.content = b"".join(rng.randbytes(MIB) for _ in range(SIZE // MIB))
        source = self.folder / "from" / "film"
        source.parent.mkdir()
        source.write_bytes(self.content)
        self.torrent = btfs.create(self, source, self.folder / "film.torrent", "--piece-size", "256K", "--tracker",
                                   f"http://{SEEDER}:{TRACKER_PORT}/announce")
        self.start_seeder(source.parent)

        programs = {"debian": self.debians, "ours": self.ours}
        measured = {name: [] for name in programs}
        for round_number in range(ROUNDS):
            for name, program in programs.items():
                figures = self.in_sequence(program) | self.seek(program)
                measured[name].append(figures)
                print(f"round {round_number + 1}, {name}: {figures}", file=sys.stderr, flush=True)
        self.print_table(measured)

    def start_seeder(self, folder):
        seeder = self.start(["unshare", "--net", sys.executable, "-B", __file__, "seed", self.torrent, folder],
                            stdin=subprocess.PIPE)
        self.addCleanup(seeder.stdin.close)
        own = os.readlink("/proc/self/ns/net")
        self.wait_for(lambda: os.readlink(f"/proc/{seeder.pid}/ns/net") != own, "namespace of the seeder")
        inside = ["nsenter", "--target", str(seeder.pid), "--net", "ip"]
        for command in (["ip", "link", "add", "program", "type", "veth", "peer", "name", "seeder"],
                        ["ip", "link", "set", "seeder", "netns", str(seeder.pid)],
                        ["ip", "address", "add", f"{PROGRAM}/24", "dev", "program"],
                        ["ip", "link", "set", "program", "up"],
                        [*inside, "address", "add", f"{SEEDER}/24", "dev", "seeder"],
                        [*inside, "link", "set", "lo", "up"],
                        [*inside, "link", "set", "seeder", "up"]):
            subprocess.run(command, check=True)
        seeder.stdin.write(b"\n")
        seeder.stdin.flush()
        self.wait_for(lambda: b"seeding" in seeder.output.read_bytes(), "seeding libtorrent", LIMIT)

    # ---- the programs ----

    def debians(self, cache, mountpoint):
        return [DEBIANS, "-f", f"--data-directory={cache}", self.torrent, mountpoint]

    def ours(self, cache, mountpoint):
        return [btfs.path(), "mount", "-f", "--cache-dir", cache, "--port", free_port(), self.torrent, mountpoint]

    def mounted(self, program):
        """Starts it with nothing cached: the process, its file as soon as that is there, and when it was called."""
        cache, mountpoint = self.folder / "cache", self.folder / "mnt"
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir()
        mountpoint.mkdir(exist_ok=True)
        began = time.perf_counter()
        process = self.start(program(cache, mountpoint), env={**os.environ, "HOME": str(cache)})
        # A read that nothing answers cannot be interrupted; it ends with the program.
        watchdog = threading.Timer(3 * LIMIT, process.kill)
        watchdog.daemon = True
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        film = mountpoint / "film"
        self.wait_for(film.exists, f"file in the mount of {process.args[0]}", LIMIT)
        return process, os.open(film, os.O_RDONLY), began

    def unmount(self, process, file):
        os.close(file)
        subprocess.run(["fusermount3", "-u", self.folder / "mnt"], timeout=LIMIT)
        end(process)

    # ---- what is measured ----

    def in_sequence(self, program):
        process, file, began = self.mounted(program)
        self.read(file, 64 << 10, 0)
        first = time.perf_counter() - began
        used = cpu_seconds(process.pid)
        at = 64 << 10
        while at < SIZE and time.perf_counter() - began < LIMIT:
            at += self.read(file, MIB, at)
        took = time.perf_counter() - began - first
        used = cpu_seconds(process.pid) - used
        self.unmount(process, file)
        read = at - (64 << 10)
        return {"first": first, "rate": read / took / 1e6, "cpu": used / (read / (1 << 30)), "read": at}

    def seek(self, program):
        process, file, _ = self.mounted(program)
        self.read(file, 64 << 10, 0)
        times = []
        end_by = time.perf_counter() + LIMIT
        rng = random.Random(2)
        for _ in range(SEEKS):
            place = rng.randrange(SIZE // (64 << 10)) * (64 << 10)
            began = time.perf_counter()
            self.read(file, 64 << 10, place)
            times.append(time.perf_counter() - began)
            if time.perf_counter() > end_by:
                break
        self.unmount(process, file)
        return {"seek": statistics.median(times) * 1e3}

    def read(self, file, size, at):
        data = os.pread(file, size, at)
        self.assertEqual(len(data), min(size, SIZE - at))
        self.assertTrue(data == self.content[at:at + len(data)], f"other bytes than the original's at {at}")
        return len(data)

    # ---- what is said ----

    def print_table(self, measured):
        debians = said(["dpkg-query", "-W", "-f", "${Version}", "btfs"])
        ours = said([btfs.path(), "--version"])
        cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        print(f"\n{time.strftime('%Y-%m-%d')}, {cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, "
              f"Linux {platform.release()}; a file of {SIZE // MIB} MiB, medians of {ROUNDS}:\n")
        print(f"| | Debian's btfs {debians} | this btfs {ours} | ratio |\n|---|---|---|---|")
        for figure, (text, form) in FIGURES.items():
            theirs, own = (statistics.median(run[figure] for run in measured[name]) for name in ("debian", "ours"))
            print(f"| {text} | {form.format(theirs)} | {form.format(own)} | {own / theirs:.3g} |")
        print(f"\nAll {sum(run['read'] for runs in measured.values() for run in runs) // MIB} MiB that were read in "
              "sequence, and all random reads, are right.", flush=True)


def cpu_seconds(pid):
    """Of one process, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def said(command):
    """The last word of its first line."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.splitlines()[0].split()[-1]


if __name__ == "__main__":
    if sys.argv[1:2] == ["seed"]:
        seed(*sys.argv[2:4])
        sys.exit()
    if not os.path.exists(DEBIANS):
        skip(f"{DEBIANS} is not installed")
    main(modules=["libtorrent"])
