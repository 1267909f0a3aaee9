"""btfs play: a mount for as long as a player runs."""
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, main


class Play(TestCase):
    def setUp(self):
        super().setUp()
        self.use_own_folders()
        self.content = make_files(self.folder / "from" / "Series", {
            "e1.mkv": 900_000, "e2.mkv": 800_000, "e10.mkv": 1_000_000, "sample.mkv": 20_000, "notes.txt": 1_000_000})
        self.torrent = self.folder / "Series.torrent"
        self.seed = btfs.Seed(self, self.content, self.torrent, "--piece-size", "64K")
        self.options = f"no-dht,no-lsd,no-portmap,peer=127.0.0.1:{self.seed.port},cache-dir={self.folder / 'cache'}"
        self.places = self.runtime_folder / "btfs"

    def player(self, text):
        path = self.folder / "player"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def words(self, player, *words):
        return [btfs.path(), "play", "-o", self.options, "--player", player, *words]

    def play(self, *words, seconds=30):
        return subprocess.run(list(map(str, self.words(*words))), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds)

    def assert_nothing_is_left(self):
        self.assertEqual(btfs.mounts(), [])
        self.assertEqual([path.name for path in self.places.glob("play-*")], [])

    def test_the_player_gets_the_file_and_the_mount_ends_with_it(self):
        copy = self.folder / "copy"
        done = self.play(f"{self.player('cp -- $2 $1')} {copy}", self.torrent, "e2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("playing Series/e2.mkv, 781.2 KiB", done.stderr)
        self.assertEqual(copy.read_bytes(), (self.content / "e2.mkv").read_bytes())
        self.assert_nothing_is_left()
        self.assertNotEqual(list((self.folder / "cache").glob("*.data")), [], "the cache stays")

    def test_without_a_terminal_one_of_several_has_to_be_named(self):
        done = self.play(self.player("false"), self.torrent)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"1 +Series/e1.mkv(.|\n)*2 +Series/e2.mkv(.|\n)*3 +Series/e10.mkv(.|\n)*several files")
        self.assertNotIn("sample", done.stderr)
        self.assertIn("no file is named so", self.play(self.player("false"), self.torrent, "e7").stderr)
        self.assert_nothing_is_left()

    def test_a_player_that_fails_or_is_not_there_is_told(self):
        done = self.play(self.player("exit 7"), self.torrent, "e1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("exit code 7", done.stderr)
        done = self.play(self.player("kill -SEGV $$"), self.torrent, "e1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("failed with exit code 139", done.stderr)
        self.assertEqual(self.play("/no/such/player", self.torrent, "e1").returncode, 1)
        done = self.play(self.player("true"), self.folder / "nothing.torrent")
        self.assertEqual(done.returncode, 1)
        self.assertIn("No such file", done.stderr)
        self.assert_nothing_is_left()

    def test_a_signal_ends_the_player_and_the_mount(self):
        started = self.folder / "started"
        process = self.start(self.words(self.player(f"touch {started}; exec sleep 60"), self.torrent, "e1"))
        self.wait_for(started.exists, "the player", 10)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        self.assert_nothing_is_left()

    def test_what_a_killed_one_has_left_goes_with_the_next(self):
        started = self.folder / "started"
        process = self.start(self.words(self.player(f"touch {started}; exec sleep 3"), self.torrent, "e1"))
        self.wait_for(started.exists, "the player", 10)
        process.kill()
        process.wait()
        self.assertEqual(len(btfs.mounts()), 1)
        done = self.play(self.player("true"), self.torrent, "e1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_nothing_is_left()


if __name__ == "__main__":
    main()
