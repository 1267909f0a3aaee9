"""A mount as a service of systemd: it tells its state, and takes the folders that systemd gives it."""
import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, free_port, main


class Service(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "film", {"film.mkv": 300_000})
        self.torrent = btfs.create(self, self.content, self.folder / "film.torrent")
        self.mountpoint = self.folder / "mnt"
        self.mountpoint.mkdir()

    def run_mount(self, name, *words, **variables):
        """A service, and the socket of its manager; "@" stands for an abstract one."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(str(name).replace("@", "\0"))
        manager.settimeout(20)
        process = self.start([btfs.path(), "mount", "--foreground", "--port", free_port(), *btfs.ALONE, *words,
                              self.mountpoint], env={**os.environ, "NOTIFY_SOCKET": str(name), **variables})
        return manager, process

    def end(self, process):
        process.terminate()
        self.assertEqual(process.wait(20), 0, process.output.read_text())

    def test_a_mount_tells_when_it_stands_and_when_it_ends(self):
        for name in (self.folder / "manager", f"@btfs-service-test-{os.getpid()}"):
            with self.subTest(socket=str(name)):
                manager, process = self.run_mount(name, "--cache-dir", self.folder / "cache", self.torrent)
                self.assertEqual(manager.recv(4096).decode(), f"READY=1\nSTATUS=mounted at {self.mountpoint}")
                self.assertEqual(btfs.mounts(), [str(self.mountpoint)])
                self.end(process)
                self.assertEqual(manager.recv(4096).decode(), "STOPPING=1\nSTATUS=unmounting")

    def test_one_that_waits_for_files_is_ready_after_the_wait(self):
        manager, process = self.run_mount(self.folder / "manager", "--cache-dir", self.folder / "cache", "--wait=0.3",
                                          "0123456789abcdef0123456789abcdef01234567")
        self.assertEqual(manager.recv(4096), b"STATUS=waiting for the files of all sources")
        self.assertTrue(manager.recv(4096).startswith(b"READY=1\n"))
        self.end(process)

    def test_one_that_cannot_mount_is_never_ready(self):
        manager, process = self.run_mount(self.folder / "manager", self.folder / "missing.torrent")
        self.assertEqual(process.wait(20), 1)
        manager.setblocking(False)
        self.assertRaises(BlockingIOError, manager.recv, 4096)

    def test_its_folders_are_those_that_systemd_gives_it(self):
        folders = {name: self.folder / name for name in ("cache", "state", "run")}
        folders["run"].mkdir(mode=0o700)
        manager, process = self.run_mount(
            self.folder / "manager", CACHE_DIRECTORY=str(folders["cache"]), STATE_DIRECTORY=str(folders["state"]),
            RUNTIME_DIRECTORY=f"{folders['run']}:/nowhere")
        manager.recv(4096)
        done = btfs.run("add", self.torrent, "--to", self.mountpoint)  # without these variables
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(list(folders["cache"].glob("*.claims"))), 1)
        self.assertEqual(len(list(folders["state"].glob("mounts/*/*.source"))), 1)
        self.assertEqual(len(list(folders["run"].iterdir())), 1)
        self.end(process)


if __name__ == "__main__":
    main()
