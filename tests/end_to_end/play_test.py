"""btfs play: a mount for as long as a player runs."""
import contextlib
import http.server
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, end, free_port, main
from support.users import OrdinaryUser


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

    def serve_files(self, files):
        """An HTTP server; its address."""
        class Files(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(files[self.path])))
                self.end_headers()
                self.wfile.write(files[self.path])

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

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

    def test_settings_of_mounts_that_stay_are_not_for_it(self):
        watched, library, log = self.folder / "watched", self.folder / "library", self.folder / "log"
        watched.mkdir()
        shutil.copy(self.torrent, watched / "other.torrent")
        web, port = free_port(), free_port()
        config = self.folder / "config.toml"
        config.write_text(f"""[mount]
            web = "127.0.0.1:{web}"
            watch = "{watched}"
            library = "{library}"
            log-file = "{log}"
            port = {port}
            foreground = true
            cache-dir = "{self.folder / 'cache of the config'}"
            """)
        with socket.socket() as for_web, socket.socket() as for_peers, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            for taken, number in ((for_web, web), (for_peers, port)):
                taken.bind(("127.0.0.1", number))
                taken.listen()
            manager.bind(str(self.folder / "manager"))
            manager.setblocking(False)
            os.environ["NOTIFY_SOCKET"] = str(self.folder / "manager")
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")
            self.options = f"config={config},no-dht,no-lsd,no-portmap,peer=127.0.0.1:{self.seed.port}"
            done = self.play(self.player("cat -- $1 > /dev/null"), self.torrent, "e1")
            self.assertEqual(done.returncode, 0, done.stderr)
            with self.assertRaises(BlockingIOError):
                manager.recv(100)
        self.assertEqual(os.listdir(watched), ["other.torrent"])
        self.assertFalse(library.exists() or log.exists())
        self.assertNotEqual(list((self.folder / "cache of the config").glob("*.data")), [], "the rest holds")
        self.assertEqual(list(self.state_folder.rglob("*")), [], "it remembers nothing")
        self.assert_nothing_is_left()

    def test_a_torrent_that_a_running_mount_has_is_played_from_there(self):
        mount = btfs.Mount(self, self.torrent, peers=[self.seed.port])
        shown = self.folder / "shown"
        info_hash = json.loads(btfs.run("info", "--json", self.torrent).stdout)["info_hash_v1"]
        for source in (self.torrent, info_hash, f"magnet:?xt=urn:btih:{info_hash}"):
            done = self.play(self.player(f"cmp -- $1 {self.content}/e1.mkv && echo $1 > {shown}"), source, "e1")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(shown.read_text(), f"{mount.mountpoint}/Series/e1.mkv\n")
            self.assertIn(f"the mount at {mount.mountpoint} has it", done.stderr)
        self.assertEqual(btfs.mounts(), [str(mount.mountpoint)], "it goes on")
        self.assertEqual(list(self.places.glob("play-*")), [])

    def test_a_url_of_a_torrent_that_a_running_mount_has_is_played_from_there(self):
        web = self.serve_files({"/x.torrent": self.torrent.read_bytes()})
        mount = btfs.Mount(self, self.torrent, peers=[self.seed.port])
        done = self.play(self.player(f"cmp -- $1 {self.content}/e1.mkv"), f"{web}/x.torrent", "e1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"the mount at {mount.mountpoint} has it", done.stderr)
        self.assertEqual(btfs.mounts(), [str(mount.mountpoint)])

    def test_a_paused_torrent_of_a_running_mount_says_how_it_goes_on(self):
        btfs.Mount(self)
        info_hash = "0" * 39 + "1"
        self.assertEqual(btfs.run("add", f"magnet:?xt=urn:btih:{info_hash}").returncode, 0)
        self.assertEqual(btfs.run("pause", info_hash).returncode, 0)
        done = self.play(self.player("true"), info_hash)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"btfs resume {info_hash}", done.stderr)

    def test_a_folder_of_another_user_is_no_place_for_it(self):
        user = OrdinaryUser(self)
        runtime = self.folder / "shared"
        runtime.mkdir()
        runtime.chmod(0o1777)
        place, elsewhere = runtime / "btfs", self.folder / "elsewhere"

        def play():
            options = user.options()
            options["env"]["XDG_RUNTIME_DIR"] = str(runtime)
            done = subprocess.run([user.program, "play", "--player", "true", "0" * 40], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=20, **options)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("set XDG_RUNTIME_DIR", done.stderr)
        place.mkdir(0o700)
        play()  # root's
        shutil.chown(place, "nobody")
        place.chmod(0o755)
        play()  # others may enter it
        place.rmdir()
        elsewhere.mkdir(0o700)
        shutil.chown(elsewhere, "nobody")
        place.symlink_to(elsewhere)
        play()
        self.assertEqual(os.listdir(elsewhere), [])
        self.assertEqual(btfs.mounts(), [])

    def test_the_desktops_player_needs_a_display(self):
        for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
            if variable in os.environ:
                self.addCleanup(os.environ.__setitem__, variable, os.environ.pop(variable))
        done = self.play("xdg-open", self.torrent, "e1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no display", done.stderr)
        self.assertEqual(btfs.mounts(), [])

    def test_a_terminal_shows_what_the_player_waits_for_until_it_has_bytes(self):
        self.seed.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.seed.process.send_signal, signal.SIGCONT)
        go, got = self.folder / "go", self.folder / "got"
        player = self.player(f"while ! [ -e {go} ]; do sleep 0.1; done; head -c 100 -- $1 > {got}; sleep 2")
        terminal, inner = pty.openpty()
        process = subprocess.Popen(list(map(str, self.words(player, self.torrent, "e1"))), stdin=inner, stderr=inner)
        self.addCleanup(end, process)
        os.close(inner)
        os.set_blocking(terminal, False)
        shown = b""

        def sees(text):
            nonlocal shown
            with contextlib.suppress(BlockingIOError):
                shown += os.read(terminal, 65536)
            return text in shown
        self.wait_for(lambda: sees(b"waiting for a player to open Series/e1.mkv"), "line before the file is open", 20)
        go.touch()
        self.wait_for(lambda: sees(b"waiting for the first bytes of Series/e1.mkv: "), "line with the reason", 20)
        self.seed.process.send_signal(signal.SIGCONT)
        self.wait_for(lambda: got.exists() and got.stat().st_size == 100, "first bytes", 30)
        self.assertEqual(process.wait(20), 0)
        sees(b"")
        self.assertTrue(shown.rstrip().endswith(b"\x1b[K"), shown[-200:])
        os.close(terminal)

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
