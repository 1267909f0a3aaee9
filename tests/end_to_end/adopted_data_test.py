"""--data: what another client has downloaded is read from where it lies, never written, and never wrong."""
import hashlib
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import MIXED, differences, make_files
from support.harness import TestCase, main

PIECE = 256 * 1024


def fingerprint(folder):
    """All that a writer would change: content, sizes, times and links of each file, and the names."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        status = path.lstat()
        content = hashlib.sha1(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
        found[str(path)] = (content, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino,
                            status.st_blocks, status.st_mode)
    return found


def cut(file, size):
    os.truncate(file, size)


def punch(file, begin, end):
    """Makes a hole, as where nothing was written yet."""
    content = file.read_bytes()
    with open(file, "r+b") as rewritten:
        rewritten.truncate(0)
        rewritten.truncate(len(content))
        os.pwrite(rewritten.fileno(), content[:begin], 0)
        os.pwrite(rewritten.fileno(), content[end:], end)


class AdoptedData(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content", MIXED)
        self.torrent = btfs.create(self, self.content, self.folder / "content.torrent", "--piece-size", "256K")
        self.data = self.folder / "data"
        make_files(self.data / "content", MIXED)
        self.cache = self.folder / "cache"

    def mount(self, *options, data=None, peers=()):
        return btfs.Mount(self, self.torrent, peers=peers, options=("--data", data or self.data, *options))

    def assert_all_right(self):
        self.assertEqual(differences(self.content, self.folder / "mnt" / "content"), "")

    def cached(self):
        return sum(file.stat().st_blocks * 512 for file in self.cache.glob("*.data"))

    def seed(self):
        return btfs.Seed(self, self.content, self.folder / "again.torrent", "--piece-size", "256K")

    def settle(self):
        """What changed within two seconds may change once more unseen, so it would go to the cache."""
        newest = max(max(path.lstat().st_mtime, path.lstat().st_ctime) for path in self.data.rglob("*"))
        self.wait_for(lambda: time.time() > newest + 2.1, "old files")

    def test_complete_data_is_read_and_seeded_without_a_copy(self):
        self.settle()
        before = fingerprint(self.data)
        mount = self.mount()
        mount.find("content: (\\d+) of \\1 pieces may lie in files of another client")
        self.assert_all_right()
        leecher = btfs.Mount(self, self.torrent, peers=[mount.port], cache=self.folder / "cache2",
                             mountpoint=self.folder / "mnt2")
        self.assertEqual(differences(self.content, self.folder / "mnt2" / "content"), "")
        leecher.stop()
        mount.stop()
        self.assertEqual(list(self.cache.glob("*.data")), [])
        self.assertEqual(fingerprint(self.data), before)

    def test_partial_data_is_filled_up_from_the_swarm_into_the_cache(self):
        film, flac = self.data / "content" / "film.mkv", self.data / "content" / "extras" / "sound.flac"
        punch(film, 2_000_000, 6_000_000)
        film.rename(f"{film}.part")
        cut(flac, 1_500_000)
        flac.rename(f"{flac}.!qB")
        trailer = self.data / "content" / "extras" / "a trailer.mp4"
        trailer.unlink()
        with open(self.data / "content" / "readme.txt", "r+b") as file:
            file.seek(7)
            file.write(b"?")  # it was edited
        self.settle()
        before = fingerprint(self.data)
        seed = self.seed()
        mount = self.mount(peers=[seed.port])
        self.assert_all_right()
        mount.stop()
        self.assertEqual(fingerprint(self.data), before)
        missing = 4_000_000 + MIXED["extras/a trailer.mp4"] + (MIXED["extras/sound.flac"] - 1_500_000) + 16_385
        self.assertGreaterEqual(self.cached(), missing)
        self.assertLess(self.cached(), missing + 10 * PIECE, "what was there was fetched, too")
        # And now all of it is here.
        seed.stop()
        self.mount()
        self.assert_all_right()

    def test_parts_are_seeded_once_they_are_proven(self):
        punch(self.data / "content" / "film.mkv", 2_000_000, 6_000_000)
        cut(self.data / "content" / "extras" / "sound.flac", 1_500_000)
        self.settle()
        mount = self.mount()
        # Bytes that the mount lacks come from a second one that has only that.
        other = make_files(self.folder / "other" / "content", MIXED)
        (other / "readme.txt").unlink()
        punch(other / "film.mkv", 500_000, 1_500_000)
        second = btfs.Mount(self, self.torrent, peers=[mount.port], cache=self.folder / "cache2",
                            mountpoint=self.folder / "mnt2", options=("--data", self.folder / "other"))
        self.assertEqual(differences(self.content, self.folder / "mnt2" / "content"), "")
        self.assert_all_right()
        second.stop()
        mount.stop()

    def test_a_file_that_changes_under_the_mount_is_never_served_wrong(self):
        self.settle()
        seed = self.seed()
        self.mount(peers=[seed.port])
        self.assert_all_right()
        film = self.data / "content" / "film.mkv"
        with open(film, "r+b") as file:
            file.seek(5_000_000)
            file.write(bytes(1_000_000))
        shown = self.folder / "mnt" / "content" / "film.mkv"
        drop_pages(shown)
        self.assert_all_right()
        film.unlink()
        drop_pages(shown)
        self.assert_all_right()

    def test_a_folder_that_cannot_be_opened_is_named(self):
        (self.folder / "mnt").mkdir()
        for folder in (self.folder / "nowhere", self.torrent):
            done = btfs.run("mount", "--cache-dir", self.cache, "--data", self.data, "--data", folder, self.torrent,
                            self.folder / "mnt")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, f"--data {folder}: (No such file|Not a directory)")
        self.assertEqual(btfs.mounts(), [])

    def test_the_mount_may_cover_the_folder_and_the_option_may_stand_in_o(self):
        self.settle()
        btfs.Mount(self, self.torrent, mountpoint=self.data, options=("-o", f"data={self.data}"))
        self.assertEqual(differences(self.content, self.data / "content"), "")
        self.assertEqual(list(self.cache.glob("*.data")), [])

    def test_a_mount_that_would_cover_files_of_the_folder_is_refused(self):
        for covered in (self.data / "content", self.data / "content" / "extras"):
            refused = btfs.run("mount", "--data", self.data, self.torrent, covered, "--cache-dir", self.cache)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("would cover", refused.stderr)
        (self.data / "empty").mkdir()
        btfs.Mount(self, self.torrent, mountpoint=self.data / "empty", options=("--data", self.data))
        self.assertEqual(differences(self.content, self.data / "empty" / "content"), "")

    def test_of_several_folders_the_first_that_has_the_torrent_counts(self):
        self.settle()
        (self.folder / "empty").mkdir()
        self.mount("--data", self.data, "--data", self.folder / "from", data=self.folder / "empty")
        self.assert_all_right()
        self.assertEqual(list(self.cache.glob("*.data")), [])


def drop_pages(file):
    with open(file, "rb") as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
