"""Pins: files that are fetched without a reader and kept, while everything else passes through a small cache."""
import stat
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, main

MIB = 1 << 20
BOUND = 8 * MIB


class Pins(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content",
                                  {"film.mkv": 30 * MIB - 777, "notes/a.txt": 700_000, "notes/b.txt": 900_000})
        self.torrent = self.folder / "content.torrent"
        self.seed = btfs.Seed(self, self.content, self.torrent, "--piece-size", "256K")
        self.cache = self.folder / "cache"
        self.mnt = self.folder / "mnt"
        self.use_own_folders()

    def mount(self, *options, peers=True):
        return btfs.Mount(self, self.torrent, peers=[self.seed.port] if peers else [], options=options)

    def had(self):
        claims = next(self.cache.glob("*.claims"), None)
        content = claims.read_bytes() if claims else b""
        return sum(byte.bit_count() for byte in content[128:128 + (len(content) - 128) // 2]) * 16384

    def pin(self, *paths, command="pin"):
        return btfs.run(command, *paths)

    def assert_right(self, *names):
        for name in names:
            self.assertEqual((self.mnt / "content" / name).read_bytes(), (self.content / name).read_bytes(), name)

    def test_what_is_pinned_comes_unread_and_outlasts_all_that_is_read(self):
        mount = self.mount("--cache-size", "8M")
        done = self.pin(self.mnt / "content" / "notes")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("pinned 2 files, 1.5 MiB", done.stdout)
        self.wait_for(lambda: self.had() >= 1_600_000, "what was pinned", 20)
        self.assert_right("film.mkv")
        mount.stop()
        mount = self.mount("--cache-size", "8M", peers=False)
        self.assert_right("notes/a.txt", "notes/b.txt")
        mount.stop()
        mount = self.mount("--cache-size", "8M")
        self.assert_right("film.mkv")
        mount.kill()
        mount = self.mount("--cache-size", "8M", peers=False)
        self.assert_right("notes/a.txt", "notes/b.txt")
        self.assertEqual(self.pin(self.mnt / "content", command="unpin").returncode, 0)
        self.assertEqual(list(self.cache.glob("*.pins")), [])

    def test_pins_are_fetched_after_a_remount_without_being_asked_for_again(self):
        mount = self.mount(peers=False)
        self.assertEqual(self.pin(self.mnt / "content" / "notes" / "a.txt").returncode, 0)
        mount.kill()
        mount = self.mount()
        self.wait_for(lambda: self.had() >= 700_000, "what was pinned before", 20)
        mount.stop()
        self.mount(peers=False)
        self.assert_right("notes/a.txt")

    def test_more_pins_than_the_cache_keeps_leave_room_for_readers(self):
        self.mount("--cache-size", "8M")
        done = self.pin(self.mnt)
        self.assertEqual(done.returncode, 0)
        self.assertIn("--cache-size", done.stderr)
        self.wait_for(lambda: self.had() >= BOUND // 2, "pins", 20)
        self.assert_right("film.mkv", "notes/a.txt")
        taken = sum(file.stat().st_blocks * 512 for file in self.cache.glob("*"))
        self.assertLessEqual(taken, BOUND)

    def test_mistakes_are_told(self):
        self.mount()
        for path, words in ((self.folder, "no mount of btfs"), (self.mnt / "nothing", "No such file"),
                            (self.mnt / ".btfs" / "status", "no part of a torrent")):
            done = self.pin(path)
            self.assertEqual(done.returncode, 1, path)
            self.assertIn(words, done.stderr)

    def test_the_control_socket_is_the_users_alone_and_goes_with_the_mount(self):
        mount = self.mount()
        socket, = (self.runtime_folder / "btfs").glob("*.sock")
        self.assertEqual(stat.S_IMODE(socket.stat().st_mode), 0o600)
        mount.stop()
        self.assertFalse(socket.exists())


if __name__ == "__main__":
    main()
