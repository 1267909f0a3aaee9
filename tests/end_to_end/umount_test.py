"""`btfs umount` by others than those who mounted: it ends the process and its readers, or says why not."""
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, free_port, has_open, is_asleep, main
from support.users import OrdinaryUser


class Umount(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content", {"film.mkv": 300_000})
        self.torrent = btfs.create(self, self.content, self.folder / "content.torrent")
        self.mountpoint = self.folder / "mnt"
        self.mountpoint.mkdir()
        self.film = self.mountpoint / "content" / "film.mkv"

    def detached(self, **options):
        done = btfs.run("mount", "--cache-dir", self.folder / "cache", "--port", free_port(), *btfs.ALONE, self.torrent,
                        self.mountpoint, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.addCleanup(self.end_all)

    def end_all(self):
        for process in btfs.serving():
            os.kill(process, signal.SIGKILL)

    def parked_reader(self, **options):
        """A process whose read waits for what no peer has."""
        reader = self.start(["cat", self.film], **options)
        self.wait_for(lambda: has_open(reader.pid, self.film) and is_asleep(reader.pid), "read that waits")
        return reader

    def assert_all_gone(self, reader=None):
        if reader:
            self.assertNotEqual(reader.wait(5), 0)
        self.assertEqual(btfs.serving(), [])
        self.assertEqual(btfs.mounts(), [])

    def test_the_runtime_directory_need_not_be_the_one_of_the_mount(self):
        for here, there in (("a", "b"), ("a", None), (None, "b")):
            with self.subTest(mounted=here, unmounted=there):
                self.detached(env=environment(self.folder, here))
                reader = self.parked_reader()
                done = btfs.run("umount", self.mountpoint, env=environment(self.folder, there))
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assert_all_gone(reader)

    def test_root_unmounts_for_a_user(self):
        user = OrdinaryUser(self)
        self.mountpoint = user.home / "mnt"
        self.film = self.mountpoint / "content" / "film.mkv"
        user.run("mkdir", self.mountpoint)
        done = user.run(user.program, "mount", "--port", free_port(), *btfs.ALONE, self.torrent, self.mountpoint)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.addCleanup(self.end_all)
        reader = self.parked_reader(**user.options())
        done = btfs.run("umount", self.mountpoint)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_all_gone(reader)

    def test_root_removes_a_users_mount_whose_process_was_killed(self):
        user = OrdinaryUser(self)
        self.mountpoint = user.home / "mnt"
        user.run("mkdir", self.mountpoint)
        done = user.run(user.program, "mount", "--port", free_port(), *btfs.ALONE, self.torrent, self.mountpoint)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        process, = btfs.serving()
        os.kill(process, signal.SIGKILL)
        self.wait_for(lambda: not btfs.serving(), "end of the killed process")
        done = btfs.run("umount", self.mountpoint)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_all_gone()

    def test_a_user_cannot_unmount_for_root_and_is_told(self):
        user = OrdinaryUser(self)
        self.mountpoint = self.folder / "roots"
        self.mountpoint.mkdir()
        self.detached()
        done = user.run(user.program, "umount", self.mountpoint)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("owner", done.stderr)
        self.assertEqual(btfs.mounts(), [str(self.mountpoint)])
        self.assertEqual(len(btfs.serving()), 1)

    def test_a_process_that_cannot_be_seen_is_no_success(self):
        """From a PID namespace below, the process has no number. Root cuts its connection, and it ends of itself."""
        for mounts_proc in (["--mount-proc"], []):
            with self.subTest(mounts_proc=mounts_proc):
                self.detached()
                reader = self.parked_reader()
                done = subprocess.run(["unshare", "--pid", "--fork", *mounts_proc, btfs.path(), "umount",
                                       self.mountpoint], capture_output=True, text=True, timeout=30)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn("not found", done.stderr)
                self.assertNotEqual(reader.wait(5), 0)
                self.wait_for(lambda: not btfs.serving(), "end of the process")
                self.assertEqual(btfs.mounts(), [])

    def test_umount_by_mount_8_ends_the_process(self):
        self.detached()
        subprocess.run(["umount", self.mountpoint], check=True, timeout=10)
        self.wait_for(lambda: not btfs.serving(), "end of the process", 5)
        self.assert_all_gone()


def environment(folder, runtime):
    """With this XDG_RUNTIME_DIR, or without any."""
    variables = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    if runtime:
        (folder / runtime).mkdir(mode=0o700, exist_ok=True)
        variables["XDG_RUNTIME_DIR"] = str(folder / runtime)
    return variables


if __name__ == "__main__":
    main()
