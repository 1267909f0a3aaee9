"""btfs itself, as the tests run it."""
import re
import signal
import subprocess
import time
from pathlib import Path

from support import harness
from support.harness import end


# Nobody is looked for but whom the test names.
ALONE = ("--no-dht", "--no-lsd", "--no-pex", "--no-portmap")


def path():
    return harness.btfs_path


def run(*arguments, seconds=30, **options):
    """Runs btfs to its end: exit code, stdout and stderr as text."""
    return subprocess.run([harness.btfs_path, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=seconds, **options)


def create(test, content, torrent, *options):
    done = run("create", content, "-o", torrent, *options)
    test.assertEqual(done.returncode, 0, done.stderr)
    return torrent


class _Running:
    def __init__(self, test, process):
        self.test = test
        self.process = process
        self.killed = False
        test.addCleanup(self._check)

    def log(self):
        return self.process.output.read_text(errors="replace")

    def find(self, pattern, seconds=30):
        """Waits for a line in what it says; the match."""
        def look():
            found = re.search(pattern, self.log())
            if not found and self.process.poll() is not None:
                self.test.fail(f"btfs ended with {self.process.returncode}: {self.log()}")
            return found
        return self.test.wait_for(look, f"'{pattern}' in the log", seconds)

    def stop(self, how=signal.SIGTERM):
        """Ends it, and sees that this was quick and clean."""
        began = time.monotonic()
        code = end(self.process, how)
        self.test.assertEqual(code, 0, self.log())
        self.test.assertLess(time.monotonic() - began, 5, "btfs took long to end")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.killed = True

    def _check(self):
        # Before the process is ended by start()'s clean-up.
        if self.process.poll() is None:
            self.stop()
        if not self.killed:
            self.test.assertEqual(self.process.returncode, 0, self.log()[-3000:])
        log = self.log()
        for word in ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error"):
            self.test.assertNotIn(word, log)


def _peers(test, addresses):
    words = []
    for address in addresses:
        words += ["--peer", test.at(address) if isinstance(address, int) else address]
    return words


class Mount(_Running):
    """`btfs mount` in the foreground. Peers are ports on this machine, or HOST:PORT. `where` are words before the command,
    such as those of a Machine."""

    def __init__(self, test, *torrents, peers=(), options=(), cache=None, mountpoint=None, port=None, alone=True, where=()):
        self.cache = Path(cache or test.folder / "cache")
        self.mountpoint = Path(mountpoint or test.folder / "mnt")
        try:
            self.mountpoint.mkdir()
        except FileExistsError:
            pass  # perhaps a dead mount, which cannot be looked at
        port = port or harness.free_port()
        super().__init__(test, test.start(
            [*where, harness.btfs_path, "mount", "-f", "--log-level", "debug", "--cache-dir", self.cache, "--port", port,
             *(ALONE if alone else ()), *_peers(test, peers), *options, *torrents, self.mountpoint]))
        self.port = port
        self.find("mounted .* listening on (no )?port")


class Seed(_Running):
    """`btfs seed`: makes the torrent file and serves it."""

    def __init__(self, test, content, torrent, *options, peers=(), port=None, alone=True, where=()):
        self.torrent = torrent
        self.port = port or harness.free_port()
        super().__init__(test, test.start(
            [*where, harness.btfs_path, "seed", content, "-o", torrent, "--log-level", "debug", "--port", self.port,
             *(ALONE if alone else ()), *_peers(test, peers), *options]))
        self.find(r"peer: +\S+:\d+|proxy: ")


def mounts():
    """What this script has mounted with btfs: the mountpoints. Its namespace lacks those of others (harness)."""
    with open("/proc/self/mountinfo") as lines:
        return [line.split()[4] for line in lines if " - fuse.btfs " in line]


def serving():
    """The btfs processes that run in this namespace, by pid, without those that are being collected. A mount that mount(8)
    has started has the name of the helper."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            name, state = re.search(r"\((.*)\) (\S)", (folder / "stat").read_text()).groups()
        except (OSError, AttributeError):
            continue
        if name in ("btfs", "mount.btfs", "mount.fuse.btfs") and state != "Z":
            found.append(int(folder.name))
    return found
