"""Status at a look: the live view of `btfs status` on a terminal of its own, and what a mount tells in `.btfs`."""
import fcntl
import itertools
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, main

MIB = 1 << 20


class Terminal:
    """A program on a terminal: what it has written, as bytes."""

    def __init__(self, test, *arguments, size=(80, 24), **environment):
        self.test = test
        self.written = b""
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        env = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment}
        self.process = subprocess.Popen([btfs.path(), *map(str, arguments)], stdin=slave, stdout=slave,
                                        stderr=subprocess.PIPE, env=env, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        test.addCleanup(self.close)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, width, height):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def press(self, keys):
        os.write(self.master, keys.encode())

    def read(self, seconds=0.1):
        while select.select([self.master], [], [], seconds)[0]:
            self.written += os.read(self.master, 65536)
            seconds = 0

    def see(self, text, seconds=10):
        """Waits for a text in what it writes from now on."""
        self.written = self.written[-1:]
        until = time.monotonic() + seconds
        while text.encode() not in self.written:
            has_ended = self.process.poll() is not None
            self.read()
            if text.encode() not in self.written and (has_ended or time.monotonic() > until):
                self.test.fail(f"no '{text}' in {self.written!r}; {self.process.poll()}")

    def see_on_screen(self, text, seconds=10):
        """Waits for a text on the screen, which is drawn anew for each look: a new size has every cell written."""
        until = time.monotonic() + seconds
        for width in itertools.cycle((81, 80)):
            self.written = self.written[-1:]
            self.resize(width, 24)
            self.read(0.3)
            while select.select([self.master], [], [], 0.05)[0]:
                self.read()
            if text.encode() in self.written:
                return
            if self.process.poll() is not None or time.monotonic() > until:
                self.test.fail(f"no '{text}' on the screen: {self.written!r}; {self.process.poll()}")

    def see_rows(self, more_than, seconds=10):
        """Waits until it has written below a line, counted from 1, since the last text that was waited for."""
        until = time.monotonic() + seconds
        while self.rows_used() <= more_than and time.monotonic() < until:
            self.read()
        self.test.assertGreater(self.rows_used(), more_than)

    def rows_used(self):
        """The last line, from 1, that the cursor was sent to, or that was scrolled."""
        return max(map(int, re.findall(rb"\x1b\[(\d+)(?:;\d+H|d)", self.written) +
                       re.findall(rb"\x1b\[\d+;(\d+)r", self.written)), default=0)

    def assert_restored(self, code=0):
        until = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < until:
            self.read()
        self.read()
        self.test.assertEqual(self.process.poll(), code, self.written[-500:])
        self.test.assertEqual(termios.tcgetattr(self.slave), self.before, "the terminal's settings")
        self.test.assertIn(b"\x1b[?1049l", self.written, "the screen from before is shown again")
        self.test.assertRegex(self.written, rb"\x1b\[\?(12l\x1b\[\?)?25h", "the cursor is visible")


class Status(TestCase):
    def setUp(self):
        super().setUp()
        self.use_own_folders()
        content = make_files(self.folder / "from" / "a film", {"film.mkv": 3 * MIB, "notes.txt": 7000})
        torrent = self.folder / "film.torrent"
        self.seed = btfs.Seed(self, content, torrent, "--piece-size", "64K")
        self.mount = btfs.Mount(self, torrent, peers=[self.seed.port])
        self.mountpoint = self.mount.mountpoint

    def view(self, *options, **how):
        return Terminal(self, "status", self.mountpoint, *options, **how)

    def test_it_fills_the_terminal_takes_keys_and_gives_the_terminal_back(self):
        view = self.view("--interval", "0.3")
        view.see("a film")
        self.assertLessEqual(view.rows_used(), 24)
        for name in ("film.mkv", "notes.txt"):
            (self.mountpoint / "a film" / name).read_bytes()
        view.see("complete")
        view.press("/Z")
        view.see("not found: Z")
        view.press("\x1b")
        view.see("Quit")
        view.resize(200, 50)
        view.see("a film")
        view.see_rows(more_than=40)
        view.press("?")
        view.see("Piece map")
        view.press("xq")
        view.assert_restored()

    def test_keys_pause_pin_filter_sort_and_remove(self):
        other = make_files(self.folder / "from" / "other", {"text": 1000})
        btfs.run("create", other, "-o", self.folder / "other.torrent")
        self.assertEqual(btfs.run("add", self.folder / "other.torrent", "--to", self.mountpoint).returncode, 0)
        for name in ("film.mkv", "notes.txt"):
            (self.mountpoint / "a film" / name).read_bytes()

        def torrent(name="a film"):
            status = json.loads(btfs.run("status", self.mountpoint, "--json").stdout)
            return next((each for each in status["torrents"] if each["name"] == name), None)

        def is_pinned():
            found = json.loads((self.mountpoint / ".btfs" / "torrents" / torrent()["info_hash"] / "status.json").read_text())
            return all(file["pinned"] for file in found["files"])
        view = self.view("--interval", "0.3")
        view.see_on_screen("a film")
        view.press("h")
        view.see_on_screen("remove the torrent, after a question")
        view.press("x ")
        view.see_on_screen("paused a film")
        self.assertTrue(torrent()["paused"])
        view.press(" ")
        view.see_on_screen("resumed a film")
        self.assertFalse(torrent()["paused"])
        view.press("P")
        view.see_on_screen("pinned a film")
        self.assertTrue(is_pinned())
        view.press("\r2")  # the list of files, which says what is pinned
        view.see_on_screen("100% pinned")
        view.press("\x1b")
        view.see_on_screen("Quit")  # Escape and a letter are read one by one
        view.press("P")
        view.see_on_screen("unpinned a film")
        self.assertFalse(is_pinned())
        view.press("\\othe")
        view.see_on_screen('TORRENT with "othe"')
        view.press("\r\x1b[3~")  # Del
        view.see_on_screen('Remove "other"?')
        view.press("y")
        view.see_on_screen("removed other")
        self.assertIsNone(torrent("other"))
        view.press("\\\x1b")
        view.see_on_screen("a film")
        view.press("\x1b[17~")  # F6
        view.see_on_screen("Sort by")
        view.press("j\r")
        view.see_on_screen("▲TORRENT")
        view.press("\x1b[20~n")  # F9
        view.see_on_screen("Quit")
        self.assertIsNotNone(torrent())
        self.assertTrue(list(self.mount.cache.glob("*.data")))
        view.press("\x1b[20~D")
        view.see_on_screen("removed a film and its data")
        self.assertIsNone(torrent())
        self.wait_for(lambda: not list(self.mount.cache.glob("*.data")), "the removal of the data", 5)
        view.press("q")
        view.assert_restored()

    def test_a_file_that_is_read_is_shown_with_its_process_and_why_it_waits(self):
        self.seed.stop()
        reader = self.start(["cat", self.mountpoint / "a film" / "notes.txt"])
        view = self.view("--interval", "0.2", size=(140, 40))
        view.see(f"cat {reader.pid}")
        view.see("no peers")
        status = json.loads(btfs.run("status", self.mountpoint, "--json").stdout)
        self.assertEqual(status["readers"][0]["why"], "no peers")
        self.assertIn("no peers", btfs.run("status", self.mountpoint).stdout)
        view.press("q")
        view.assert_restored()
        told = r"a film/notes.txt: cat \(%d\) has waited for \d+ s: no peers" % reader.pid
        self.mount.find(told, 10)
        time.sleep(2.5)
        self.assertEqual(len(re.findall("has waited for", self.mount.log())), 1, "once, whatever is looked at later")
        reader.kill()

    def test_the_mount_has_a_folder_for_each_torrent(self):
        folder = self.mountpoint / ".btfs"
        (self.mountpoint / "a film" / "film.mkv").read_bytes()
        found = subprocess.run(["find", folder, "-printf", "%y %P\n"], capture_output=True, text=True, timeout=20)
        info_hash = json.loads((folder / "status.json").read_text())["torrents"][0]["info_hash"]
        self.assertEqual(set(found.stdout.splitlines()),
                         {"d ", "f status", "f status.json", "f metrics", "d add", "f add/link", "d torrents", f"d torrents/{info_hash}",
                          *(f"f torrents/{info_hash}/{name}" for name in ("status.json", "pieces", "peers", "remove"))},
                         found.stderr)
        torrent = folder / "torrents" / info_hash
        details = json.loads((torrent / "status.json").read_text())
        self.assertEqual([file["path"] for file in details["files"]], ["a film/film.mkv", "a film/notes.txt"])
        self.assertEqual(details["files"][0]["had"], 3 * MIB)
        self.assertEqual(details["pieces"]["map"].count("#"), details["pieces"]["had"])
        pieces = (torrent / "pieces").read_text()
        self.assertIn(f"pieces: {details['pieces']['count']}\n", pieces)
        self.assertIn("#" * 40, pieces)
        self.assertIn(f"127.0.0.1:{self.seed.port}  ", (torrent / "peers").read_text())
        with os.scandir(folder / "torrents") as listed:
            self.assertEqual([entry.inode() for entry in listed], [os.stat(torrent).st_ino])
        removed = btfs.run("rm", info_hash, "--from", self.mountpoint)
        self.assertEqual(removed.returncode, 0, removed.stderr)
        self.assertEqual(os.listdir(folder / "torrents"), [])
        self.assertFalse((torrent / "peers").exists())

    def test_signals_and_the_end_of_the_mount_give_the_terminal_back(self):
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            view = self.view()
            view.see("a film")
            view.process.send_signal(how)
            view.assert_restored()
        view = self.view()
        view.see("a film")
        view.press("\x03")
        view.assert_restored()
        view = self.view("--interval", "0.2")
        view.see("a film")
        self.mount.stop()
        view.assert_restored(code=1)
        self.assertIn(b"the mount has ended", view.process.stderr.read())

    def test_a_terminal_that_goes_without_a_signal_ends_the_view(self):
        master, slave = pty.openpty()  # it is not the process's controlling terminal
        process = subprocess.Popen([btfs.path(), "status", str(self.mountpoint)], stdin=slave, stdout=slave,
                                   stderr=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm"}, start_new_session=True)
        self.addCleanup(process.kill)
        os.close(slave)
        written = b""
        while b"a film" not in written and select.select([master], [], [], 10)[0]:
            written += os.read(master, 65536)
        self.assertIn(b"a film", written)
        os.close(master)
        self.assertIsNotNone(process.wait(timeout=10))

    def test_it_is_plain_and_once_where_that_was_asked_for_or_the_terminal_can_do_nothing_else(self):
        for options, environment in ((["--once"], {}), (["--json"], {}), ([], {"TERM": "dumb"})):
            plain = Terminal(self, "status", self.mountpoint, *options, **environment)
            plain.see("a film")
            self.assertEqual(plain.process.wait(10), 0)
            plain.read()
            self.assertNotIn(b"\x1b", plain.written)
        self.assertNotIn("\x1b", btfs.run("top", self.mountpoint).stdout)

    def test_no_color_has_no_colours(self):
        coloured, plain = self.view(), self.view(NO_COLOR="1")
        for view in (coloured, plain):
            view.see("a film")
            view.press("q")
            view.assert_restored()
        pattern = rb"\x1b\[(\d+;)*[34][0-7]m"
        self.assertRegex(coloured.written, pattern)
        self.assertNotRegex(plain.written, pattern)


if __name__ == "__main__":
    main()
