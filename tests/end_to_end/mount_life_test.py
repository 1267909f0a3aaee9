"""Mounts that come, wait and go: detaching, unmounting, signals, kills, several at once."""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import MIXED, differences, make_files
from support.harness import TestCase, free_port, main
from support.tracker import Tracker
from support.users import OrdinaryUser


class MountLife(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content", MIXED)
        self.torrent = btfs.create(self, self.content, self.folder / "content.torrent")
        self.mountpoint = self.folder / "mnt"
        self.mountpoint.mkdir()
        self.film = self.mountpoint / "content" / "film.mkv"

    def detached(self, *options):
        done = btfs.run("mount", "--cache-dir", self.folder / "cache", "--port", free_port(), *options, self.torrent,
                        self.mountpoint)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.addCleanup(btfs.run, "umount", self.mountpoint)

    def parked_reader(self):
        """A process whose read waits for what no peer has."""
        reader = self.start(["cat", self.film])
        self.wait_for(lambda: str(self.film) in open_files(reader.pid) and waits_for_a_page(reader.pid),
                      "reader that waits for its file")
        self.assertIsNone(reader.poll(), "a read without peers has ended")
        return reader

    def assert_all_gone(self):
        self.assertEqual(btfs.mounts(), [])
        self.assertEqual(btfs.serving(), [])
        self.assertEqual(os.listdir(self.mountpoint), [])

    def test_a_detaching_mount_returns_when_it_is_visible(self):
        self.detached()
        self.assertEqual(sorted(os.listdir(self.mountpoint)), ["content"])
        self.assertEqual(self.film.stat().st_size, MIXED["film.mkv"])
        self.assertEqual(len(btfs.serving()), 1)

    def test_umount_leaves_nothing_whatever_waits(self):
        self.detached()
        readers = [self.parked_reader() for _ in range(3)]
        held = os.open(self.film, os.O_RDONLY)
        began = time.monotonic()
        self.assertEqual(btfs.run("umount", self.mountpoint).returncode, 0)
        self.assertEqual(btfs.serving(), [])
        self.assertEqual(btfs.mounts(), [])
        self.assertLess(time.monotonic() - began, 2)
        with contextlib.suppress(OSError):  # nobody is there to hear of it
            os.close(held)
        for reader in readers:
            self.assertNotEqual(reader.wait(2), 0)
        self.assert_all_gone()

    def test_umount_of_what_is_not_mounted_says_so(self):
        done = btfs.run("umount", self.mountpoint)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_signals_and_fusermount_end_the_process_cleanly(self):
        for way in (signal.SIGTERM, signal.SIGINT, "fusermount3"):
            with self.subTest(way=str(way)):
                mount = btfs.Mount(self, self.torrent)
                if way == "fusermount3":
                    subprocess.run(["fusermount3", "-u", self.mountpoint], check=True, timeout=10)
                    self.assertEqual(mount.process.wait(3), 0)
                else:
                    reader = self.parked_reader()
                    mount.stop(way)
                    self.assertNotEqual(reader.wait(2), 0)
                self.assert_all_gone()

    def test_a_killed_mount_is_replaced_and_nothing_old_is_fetched_again(self):
        from support.libtorrent_peer import Peer
        peer = Peer(self, self.torrent, self.content.parent, upload_limit=3_000_000).wait_for_seeding()
        total = sum(MIXED.values())
        mount = btfs.Mount(self, self.torrent, peers=[peer.port])
        sink = self.folder / "copy"
        reader = self.start(["dd", f"if={self.film}", f"of={sink}", "bs=64k"])
        self.wait_for(lambda: sink.exists() and sink.stat().st_size > 4_000_000, "4 MB of the film")
        had = sink.stat().st_size
        data = next((self.folder / "cache").glob("*.data"))
        self.wait_for(lambda: data.stat().st_blocks * 512 > had + 1_000_000, "file that has what was read, and more")
        mount.kill()
        reader.wait(5)
        peer.stop()
        self.assertEqual(sink.read_bytes(), (self.content / "film.mkv").read_bytes()[:sink.stat().st_size])

        # On the dead mount, by a peer that counts anew.
        peer = Peer(self, self.torrent, self.content.parent).wait_for_seeding()
        mount = btfs.Mount(self, self.torrent, peers=[peer.port])
        self.assertEqual(differences(self.content, self.mountpoint / "content"), "")
        self.assertLessEqual(peer.uploaded(), total - had)
        mount.stop()
        self.assert_all_gone()

    def test_a_second_mount_at_the_same_place_is_refused_and_told_by_whom(self):
        mount = btfs.Mount(self)
        (self.folder / "link").symlink_to(self.mountpoint)
        for place in (self.mountpoint, self.folder / "link"):
            done = btfs.run("mount", "--cache-dir", self.folder / "other cache", self.torrent, place)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(f"process {mount.process.pid} serves", done.stderr)
            self.assertIn(f"btfs umount {place}", done.stderr)
        self.assertEqual(btfs.mounts(), [str(self.mountpoint)])
        self.assertFalse((self.folder / "other cache").exists(), "nothing was done for a mount that cannot be")

    def test_a_mount_that_was_stopped_is_no_place_for_another(self):
        mount = btfs.Mount(self)
        mount.process.send_signal(signal.SIGSTOP)
        done = btfs.run("mount", "--cache-dir", self.folder / "cache", self.torrent, self.mountpoint, seconds=5)
        mount.process.send_signal(signal.SIGCONT)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"process {mount.process.pid} serves", done.stderr)

    def test_of_mounts_that_begin_together_at_one_place_one_stands(self):
        words = [btfs.path(), "mount", "--cache-dir", self.folder / "cache", *btfs.ALONE, self.mountpoint]
        together = [self.start(words) for _ in range(6)]
        self.addCleanup(btfs.run, "umount", self.mountpoint)
        self.assertEqual(sorted(process.wait(20) for process in together), [0, 1, 1, 1, 1, 1])
        self.assertEqual(btfs.mounts(), [str(self.mountpoint)])
        self.assertEqual(len(btfs.serving()), 1)

    def test_a_file_system_of_another_kind_may_be_covered(self):
        subprocess.run(["mount", "-t", "tmpfs", "none", self.mountpoint], check=True, timeout=10)
        self.addCleanup(subprocess.run, ["umount", "-l", self.mountpoint], timeout=10)
        mount = btfs.Mount(self, self.torrent)
        self.assertEqual(os.listdir(self.mountpoint), ["content"])
        mount.stop()
        self.assertEqual(os.listdir(self.mountpoint), [])

    def test_a_second_process_on_the_same_content_is_refused(self):
        btfs.Mount(self, self.torrent)
        other = self.folder / "other"
        other.mkdir()
        for background in ([], ["-f"]):
            done = btfs.run("mount", *background, "--log-level", "off", "--cache-dir", self.folder / "cache", "--port",
                            free_port(), self.torrent, other)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn("another", done.stderr)
        self.assertEqual(btfs.mounts(), [str(self.mountpoint)])

    def test_a_taken_port_is_an_error_if_it_was_asked_for(self):
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = btfs.run("mount", "--cache-dir", self.folder / "cache", "--port", port, self.torrent,
                            self.mountpoint)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(str(port), done.stderr)
        self.assert_all_gone()

    def test_nobody_hears_of_a_mount_that_fails(self):
        tracker = Tracker(self, "127.0.0.1")
        torrent = btfs.create(self, self.content, self.folder / "announced.torrent", "--tracker", tracker.http)
        words = ["mount", "--cache-dir", self.folder / "cache", "--no-dht", "--no-lsd", "--no-portmap", torrent]
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            for mistake in (["-o", "no_such_option"], [f"--web={port}"], ["--port", port], ["--library", self.torrent]):
                for _ in range(5):
                    done = btfs.run(*words, self.mountpoint, *mistake)
                    self.assertNotEqual(done.returncode, 0, mistake)
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assert_all_gone()
        self.assertEqual(btfs.run(*words, self.mountpoint).returncode, 0)
        self.addCleanup(btfs.run, "umount", self.mountpoint)
        self.wait_for(lambda: tracker.events, "announce of the mount that stands")
        self.assertEqual(tracker.events, ["started"])

    def test_the_default_port_gives_way(self):
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", 6881))
            taken.listen()
            log = self.folder / "log"
            done = btfs.run("mount", "--cache-dir", self.folder / "cache", "--log-file", log, self.torrent,
                            self.mountpoint)
            self.addCleanup(btfs.run, "umount", self.mountpoint)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(log.read_text(), r"listening on port (?!6881)\d+")

    def test_a_hangup_opens_the_log_anew_and_ends_nothing(self):
        log, old = self.folder / "log", self.folder / "log.1"
        self.detached("--log-file", log)
        log.rename(old)
        pid, = btfs.serving()
        os.kill(pid, signal.SIGHUP)
        self.wait_for(log.exists, "a new log")
        self.assertEqual(os.listdir(self.mountpoint), ["content"])
        self.assertEqual(btfs.run("umount", self.mountpoint).returncode, 0)
        self.assertIn("unmounted", log.read_text())
        self.assertNotIn("unmounted", old.read_text())

    def test_several_torrents_are_one_mount(self):
        torrents, seeds = [], []
        for name in ("one", "two", "three"):
            folder = make_files(self.folder / name, {"a": 1_000_003, "b/c": 70_000}, seed=name)
            torrents.append(self.folder / f"{name}.torrent")
            seeds.append(btfs.Seed(self, folder, torrents[-1]))
        mount = btfs.Mount(self, *torrents, torrents[0], peers=[seed.port for seed in seeds])
        self.assertEqual(sorted(os.listdir(self.mountpoint)), ["one", "three", "two"])
        for name in ("one", "two", "three"):
            self.assertEqual(differences(self.folder / name, self.mountpoint / name), "")
        mount.stop()

    def test_the_status_counts_a_read_that_has_just_ended(self):
        seed = btfs.Seed(self, self.content, self.folder / "seeded.torrent")
        mount = btfs.Mount(self, self.torrent, peers=[seed.port])
        status = self.mountpoint / ".btfs" / "status"
        with open(self.film, "rb", buffering=0) as film:
            read = 0
            while part := film.read(100_000):
                read += len(part)
                had = int(re.search(r"^had: (\d+) of", status.read_text(), re.MULTILINE).group(1))
                self.assertGreaterEqual(had, read)
        self.assertEqual(read, MIXED["film.mkv"])
        mount.stop()

    def test_an_ordinary_user_mounts_reads_and_unmounts(self):
        user = OrdinaryUser(self)
        mountpoint = user.home / "mnt"
        seed = btfs.Seed(self, self.content, self.folder / "seeded.torrent")

        def as_user(*command):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, **user.options())
            self.assertEqual((done.returncode, done.stderr), (0, b""), command)
            return done.stdout

        def mount():
            as_user(user.program, "mount", "--port", str(free_port()), "--peer", f"127.0.0.1:{seed.port}", self.torrent,
                    mountpoint)
            self.addCleanup(subprocess.run, ["umount", "-l", mountpoint], capture_output=True)
            self.assertEqual(as_user("cat", mountpoint / "content" / "film.mkv"),
                             (self.content / "film.mkv").read_bytes())
            return next(pid for pid in btfs.serving() if pid != seed.process.pid)

        as_user("mkdir", mountpoint)
        os.kill(mount(), signal.SIGKILL)  # the next one has to take a dead mount away
        mount()
        listed = btfs.run("ls", "--json")
        self.assertEqual(listed.returncode, 0, "root has no mount, and finds the user's: " + listed.stderr)
        self.assertEqual([torrent["name"] for torrent in json.loads(listed.stdout)], ["content"])
        own = btfs.Mount(self, mountpoint=self.mountpoint)
        self.assertEqual(btfs.run("ls", "--json").stdout, "[]\n", "its own comes first")
        own.stop()
        began = time.monotonic()
        as_user(user.program, "umount", mountpoint)
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(btfs.serving(), [seed.process.pid])
        self.assertEqual(btfs.mounts(), [])

    def test_a_detached_mount_without_a_log_file_warns_in_the_systems_log(self):
        system_log = self.system_log()
        self.detached()
        self.parked_reader()
        line = system_log.recv(2000).decode()
        pid, = btfs.serving()
        self.assertRegex(line, rf"btfs\[{pid}\]: content/film.mkv: cat \(\d+\) has waited for \d+ s: no peers$")

    def system_log(self):
        """A socket in place of the one that syslog(3) writes to."""
        place = Path("/dev/log")
        own = self.folder / "log"
        taken = place.exists()
        system_log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(system_log.close)
        system_log.settimeout(20)
        system_log.bind(str(own if taken else place))
        if taken:
            subprocess.run(["mount", "--bind", own, place], check=True)
            self.addCleanup(subprocess.run, ["umount", "-l", place], check=True)
        else:
            self.addCleanup(place.unlink)
        return system_log


def waits_for_a_page(pid):
    """True if the process is in a wait that only a fatal signal ends, as for pages."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "D"
    except OSError:
        return False  # it comes or goes


def open_files(pid):
    found = []
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    except OSError:
        pass  # it comes or goes
    return found


if __name__ == "__main__":
    main(modules=["libtorrent"])
