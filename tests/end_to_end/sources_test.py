"""Where torrents come from, and what a mount says while it waits for them."""
import contextlib
import gzip
import http.server
import json
import os
import pty
import re
import select
import signal
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import differences, make_files
from support.harness import TestCase, free_port, main

NOT_ALL_THERE = 3
SMALL = {"film.mkv": 300_000, "extras/trailer.mp4": 70_000}


class Sources(TestCase):
    def setUp(self):
        super().setUp()
        self.mountpoint = self.folder / "mnt"
        self.mountpoint.mkdir()
        self.cache = self.folder / "cache"

    def torrent(self, name, seed=1, folder=None):
        """The torrent of a folder of that name; its content lies below from-SEED."""
        content = make_files(self.folder / f"from-{seed}" / name, SMALL, seed=seed)
        return btfs.create(self, content, (folder or self.folder) / f"{name}.{seed}.torrent")

    def info_hash(self, torrent):
        return re.search(r"info-hash: +([0-9a-f]{40})", btfs.run("info", torrent).stdout)[1]

    def seed(self, name, seed=1, port=None):
        content = self.folder / f"from-{seed}" / name
        return btfs.Seed(self, content, self.folder / f"seeded.{seed}.torrent", port=port)

    def mount(self, *sources, options=(), **named):
        """`btfs mount` in the background, unmounted with the test."""
        self.addCleanup(self.unmount)
        return btfs.run("mount", "--cache-dir", self.cache, "--port", free_port(), *options, *sources, self.mountpoint,
                        **named)

    def unmount(self):
        if str(self.mountpoint) in btfs.mounts():
            done = btfs.run("umount", self.mountpoint)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(str(self.mountpoint), btfs.mounts())

    def assert_mounted(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def names(self):
        return sorted(os.listdir(self.mountpoint))

    def status(self):
        return read_status(self.mountpoint)


def read_status(mountpoint):
    """The totals, and each torrent's section as a dictionary."""
    head, *sections = (mountpoint / ".btfs/status").read_text().split("\n\n")
    return head, [dict(line.split(": ", 1) for line in section.strip().split("\n")) for section in sections]


class FoldersAndStdin(Sources):
    def test_a_folder_stands_for_its_torrents(self):
        folder = self.folder / "torrents"
        folder.mkdir()
        for name in ("b", "a"):
            self.torrent(name, folder=folder)
        (folder / "broken.torrent").write_bytes(b"nonsense")
        (folder / "c.torrent").mkdir()
        (folder / ".hidden.torrent").write_bytes(b"nonsense")
        (folder / "notes.txt").write_text("nothing")
        below = folder / "below"
        below.mkdir()
        self.torrent("not-seen", folder=below)
        done = self.mount(folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, "(?s)warning: left out: .*broken.torrent.*warning: left out: .*c.torrent")
        self.assertNotIn("hidden", done.stderr)
        self.assertEqual(self.names(), ["a", "b"])

    def test_a_folder_without_usable_torrents_is_refused(self):
        folder = self.folder / "torrents"
        folder.mkdir()
        done = self.mount(folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no *.torrent", done.stderr)
        (folder / "broken.torrent").write_bytes(b"nonsense")
        done = self.mount(folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not one", done.stderr)
        self.assertEqual(btfs.mounts(), [])

    def test_a_torrent_that_another_process_holds_leaves_the_others_of_a_folder(self):
        folder = self.folder / "torrents"
        folder.mkdir()
        held = self.torrent("held", folder=folder)
        self.torrent("free", folder=folder)
        elsewhere = self.folder / "elsewhere"
        holder = btfs.Mount(self, held, cache=self.cache, mountpoint=elsewhere)
        server = Server(self, {"/t": reply(200, held.read_bytes())})
        log = self.folder / "log"
        done = self.mount(folder, f"{server.url}/t", options=["--wait=10", "--log-file", log])
        self.assertEqual(done.returncode, NOT_ALL_THERE)
        self.assertRegex(done.stderr, r"warning: left out: held: in use by another btfs process")
        self.assertRegex(log.read_text(), r"warning: left out: held: in use by another btfs process")
        self.assertEqual(self.names(), ["free"])
        sections = {section["name"]: section for section in self.status()[1]}
        self.assertEqual(sections["held"]["state"], "failed")
        self.assertIn("in use by another btfs process", sections["held"]["error"])
        self.assertEqual(sections["free"]["state"], "ready")
        # The URL leads to the torrent that failed: it fails for itself, and is not taken for mounted.
        self.assertEqual([section["state"] for section in self.status()[1]].count("failed"), 2)

        only = self.folder / "only"
        only.mkdir()
        (only / "held.torrent").write_bytes(held.read_bytes())
        done = btfs.run("mount", "--cache-dir", self.cache, "--port", free_port(), only, self.folder / "from-1")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.unmount()
        holder.stop()

    def test_a_torrent_a_magnet_or_its_hash_may_come_from_stdin(self):
        torrent = self.torrent("content")
        info_hash = self.info_hash(torrent)
        for text, names in ((torrent.read_bytes(), ["content"]),
                            (f" magnet:?xt=urn:btih:{info_hash}\n".encode(), []),
                            (f"{info_hash}\n".encode(), [])):
            done = self.mount_stdin(text)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(self.names(), names)
            self.assertEqual(self.status()[1][0]["info-hash"], info_hash)
            self.unmount()

    def mount_stdin(self, content):
        self.addCleanup(self.unmount)
        return subprocess.run([btfs.path(), "mount", "--cache-dir", self.cache, "--port", str(free_port()), "-",
                               self.mountpoint], input=content, capture_output=True, timeout=30)

    def test_a_hopeless_stdin_is_refused(self):
        for content, words in ((b"", b"stdin"), (b"nonsense", b"stdin"), (bytes(70_000_000), b"larger")):
            done = self.mount_stdin(content)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertIn(words, done.stderr)
        with open("/dev/zero", "rb") as endless:
            done = subprocess.run([btfs.path(), "mount", "-", self.mountpoint], stdin=endless, capture_output=True,
                                  timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"larger", done.stderr)
        self.assertEqual(self.mount("-", "-").returncode, 1)

    def test_one_torrent_by_several_names_counts_once_with_all_its_peers(self):
        torrent = self.torrent("content")
        seed = self.seed("content")
        magnet = f"magnet:?xt=urn:btih:{self.info_hash(torrent)}&x.pe=127.0.0.1:{seed.port}"
        self.assert_mounted(self.mount(torrent, magnet, torrent))
        self.assertEqual(len(self.status()[1]), 1)
        self.assertEqual(differences(self.folder / "from-1/content", self.mountpoint / "content"), "")

    def test_torrents_of_one_name_are_called_the_same_in_every_mount(self):
        torrents = [self.torrent("content", seed) for seed in (1, 2)]
        seeds = [self.seed("content", seed) for seed in (1, 2)]
        hashes = [self.info_hash(torrent) for torrent in torrents]
        magnets = [f"magnet:?xt=urn:btih:{info_hash}" for info_hash in hashes]
        peers = [f"--peer=127.0.0.1:{seed.port}" for seed in seeds]
        expected = sorted(f"content [{info_hash[:8]}]" for info_hash in hashes)
        for sources in (torrents, torrents[::-1], [torrents[0], magnets[1]], [magnets[0], torrents[1]], magnets,
                        magnets[::-1]):
            for _ in ("the swarm tells the rest", "the cache does"):
                self.assert_mounted(self.mount(*sources, options=["--wait=20", *peers]))
                self.assertEqual(self.names(), expected)
                for seed, info_hash in zip((1, 2), hashes):
                    self.assertEqual(differences(self.folder / f"from-{seed}/content",
                                                 self.mountpoint / f"content [{info_hash[:8]}]"), "")
                self.unmount()
            subprocess.run(["rm", "-r", self.cache], check=True)


class StatusAndWait(Sources):
    def setUp(self):
        super().setUp()
        self.file = self.torrent("content")
        self.port = free_port()
        self.magnet = f"magnet:?xt=urn:btih:{self.info_hash(self.file)}&dn=cont%0aent&x.pe=127.0.0.1:{self.port}"

    def test_the_status_tells_from_the_first_peer_to_the_last_byte(self):
        self.assert_mounted(self.mount(self.magnet))
        head, (section,) = self.status()
        self.assertEqual(head, "totals: 0 of 1 torrents ready, 0 peers, 0 B/s down, 0 B/s up")
        self.assertEqual(section["name"], "cont?ent")
        self.assertEqual(section["state"], "looking for peers")
        self.assertEqual(section["had"], "-")
        self.assertFalse((self.mountpoint / "content").exists())

        self.seed("content", port=self.port)
        self.wait_for(lambda: self.status()[1][0]["state"] == "ready", "ready torrent")
        self.assertTrue((self.mountpoint / "content").exists())
        self.wait_for(lambda: self.status()[1][0]["seeds"] == "1", "seed in the status")
        head, (section,) = self.status()
        self.assertEqual(head, "totals: 1 of 1 torrents ready, 1 peers, 0 B/s down, 0 B/s up")
        self.assertEqual(section["name"], "content")
        self.assertEqual(section["peers"], "1 connected, 1 known")
        self.assertEqual(section["had"], "0 of 370000 bytes")
        self.assertEqual(differences(self.folder / "from-1/content", self.mountpoint / "content"), "")
        # The torrent that was asked for last may still be fresh.
        self.wait_for(lambda: self.status()[1][0]["had"] == "370000 of 370000 bytes", "all bytes in the status")
        head, (section,) = self.status()
        self.assertRegex(head, r"^totals: 1 of 1 torrents ready, \d+ peers, [1-9]\d* B/s down, 0 B/s up$")

    def test_the_status_is_quick_however_often_it_is_read(self):
        self.assert_mounted(self.mount(self.magnet, self.file))
        began = time.monotonic()
        self.status()
        self.assertLess(time.monotonic() - began, 0.2)
        began = time.monotonic()
        for _ in range(500):
            self.status()
        self.assertLess(time.monotonic() - began, 3)

    def test_a_tracker_is_shown_without_what_only_it_should_know(self):
        closed = free_port()
        magnet = f"{self.magnet}&tr=http%3A//127.0.0.1%3A{closed}/announce/passkey"
        self.assert_mounted(self.mount(magnet))
        def tracker():
            text = self.status()[1][0]["tracker"]
            return text if "refused" in text else None
        self.assertEqual(self.wait_for(tracker, "what the tracker said"),
                         f"http://127.0.0.1:{closed}: Connection refused")

    def test_wait_returns_when_the_files_are_there(self):
        waiting = self.start_waiting("--wait")
        self.assertEqual(self.names(), [])
        self.assertIsNone(waiting.poll(), waiting.output.read_text())
        self.seed("content", port=self.port)
        self.assertEqual(waiting.wait(20), 0, waiting.output.read_text())
        self.assertEqual(self.names(), ["content"])
        self.assertEqual(waiting.output.read_text(), "", "a line for a terminal went into a file")

    def start_waiting(self, option, **options):
        self.addCleanup(self.unmount)
        process = self.start([btfs.path(), "mount", "--cache-dir", self.cache, "--port", free_port(), option,
                              self.magnet, self.mountpoint], **options)
        self.wait_for(btfs.mounts, "mount")
        self.assertEqual(self.status()[1][0]["state"], "looking for peers")
        return process

    def test_a_wait_that_takes_too_long_tells_and_leaves_the_mount(self):
        began = time.monotonic()
        done = self.mount(self.magnet, options=["--wait=1"])
        self.assertEqual(done.returncode, NOT_ALL_THERE)
        self.assertGreater(time.monotonic() - began, 0.9)
        self.assertLess(time.monotonic() - began, 5)
        self.assertIn("is not there yet; the mount stays", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.seed("content", port=self.port)
        self.wait_for((self.mountpoint / "content").exists, "files, after the wait")

    def test_an_unmount_ends_the_wait(self):
        waiting = self.start_waiting("--wait")
        self.assertEqual(btfs.run("umount", self.mountpoint).returncode, 0)
        self.assertEqual(waiting.wait(5), NOT_ALL_THERE)
        self.assertIn("has ended", waiting.output.read_text())
        self.assertEqual(btfs.serving(), [])

    def test_an_interrupt_ends_the_wait_and_leaves_the_mount(self):
        waiting = self.start_waiting("--wait")
        waiting.send_signal(signal.SIGINT)
        self.assertEqual(waiting.wait(5), -signal.SIGINT)
        self.seed("content", port=self.port)
        self.wait_for((self.mountpoint / "content").exists, "files, after the wait")

    def test_a_terminal_shows_how_the_wait_goes(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        waiting = subprocess.Popen([btfs.path(), "mount", "--cache-dir", self.cache, "--port", str(free_port()),
                                    "--wait=20", self.magnet, self.mountpoint], stdin=slave, stdout=slave, stderr=slave,
                                   close_fds=True)
        os.close(slave)
        self.addCleanup(self.unmount)
        said = b""
        def saw(what):
            nonlocal said
            while select.select([master], [], [], 0)[0]:
                try:
                    said += os.read(master, 10_000)
                except OSError:  # the other end has gone, and all that it wrote was read
                    break
            return what in said
        self.wait_for(lambda: saw(b"waiting for metadata: 0 peers"), "line on the terminal")
        self.seed("content", port=self.port)
        self.assertEqual(waiting.wait(20), 0)
        # The kernel hands over what was written a moment after the write.
        self.wait_for(lambda: saw(b"\x1b[K") and said.endswith(b"\r\x1b[K"), "wiped line", 5)

    def test_in_the_foreground_a_wait_warns_and_the_mount_goes_on(self):
        mount = btfs.Mount(self, self.magnet, options=["--wait=0.5"])
        mount.find("is not there yet")
        self.seed("content", port=self.port)
        self.wait_for((self.mountpoint / "content").exists, "files, after the wait")
        mount.stop()

    def test_a_wait_of_no_number_is_a_wrong_word(self):
        for word in ("--wait=soon", "--wait=-1"):
            self.assertEqual(self.mount(self.file, options=[word]).returncode, 2)


class Server:
    """An HTTP server: `answers` gives a function of the request's handler for each path."""

    def __init__(self, test, answers):
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                with contextlib.suppress(OSError):
                    answers[urllib.parse.unquote(self.path.partition("?")[0])](self)

            def log_message(self, *_):
                pass

        class Threads(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            block_on_close = False

        self.server = Threads(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        test.addCleanup(self.stop)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def reply(status, body=b"", **fields):
    def answer(handler):
        handler.send_response(status)
        for name, value in fields.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    return answer


def redirect(location):
    return reply(302, Location=location)


class Urls(Sources):
    def setUp(self):
        super().setUp()
        self.file = self.torrent("content")
        self.bytes = self.file.read_bytes()

    def mount_url(self, answers, path="/t", seconds=10):
        """Waits for what comes of it: the server, and how `btfs mount --wait` ended."""
        server = Server(self, answers)
        return server, self.mount(server.url + path, options=[f"--wait={seconds}"])

    def test_a_torrent_comes_from_a_server_once(self):
        server, done = self.mount_url({"/t": reply(200, self.bytes)}, path="/t?key=secret")
        self.assert_mounted(done)
        self.assertEqual(self.names(), ["content"])
        _, (section,) = self.status()
        self.assertEqual((section["url"], section["fetch"]), (f"{server.url}/t", "done"))
        self.unmount()
        server.stop()
        self.assert_mounted(self.mount(f"{server.url}/t?key=secret", options=["--wait=0"]))
        self.assertEqual(self.names(), ["content"])
        self.assertEqual(self.status()[1][0]["fetch"], "kept from an earlier mount")
        self.assertEqual(server.asked, ["/t?key=secret"])

    def test_what_was_kept_and_is_broken_is_fetched_again(self):
        server, done = self.mount_url({"/t": reply(200, self.bytes)})
        self.assert_mounted(done)
        self.unmount()
        kept, = self.cache.glob("*.download")
        kept.write_bytes(b"nonsense")
        self.assert_mounted(self.mount(f"{server.url}/t", options=["--wait=10"]))
        self.assertEqual(len(server.asked), 2)
        self.assertEqual(kept.read_bytes(), self.bytes)

    def test_gzip_chunks_and_redirects_are_followed(self):
        def chunks(handler):
            handler.protocol_version = "HTTP/1.1"
            handler.send_response(200)
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            for at in range(0, len(self.bytes), 100):
                part = self.bytes[at:at + 100]
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            handler.wfile.write(b"0\r\n\r\n")

        server, done = self.mount_url({"/t": redirect("/gzip"), "/chunks": chunks,
                                       "/gzip": reply(200, gzip.compress(self.bytes), Content_Encoding="gzip")})
        self.assert_mounted(done)
        self.assertEqual(self.names(), ["content"])
        self.unmount()
        self.assert_mounted(self.mount(f"{server.url}/chunks", options=["--wait=10"]))
        self.assertEqual(self.names(), ["content"])

    def test_a_redirect_to_a_magnet_link_is_one(self):
        seed = self.seed("content")
        magnet = f"magnet:?xt=urn:btih:{self.info_hash(self.file)}&x.pe=127.0.0.1:{seed.port}"
        server, done = self.mount_url({"/t": redirect(magnet)})
        self.assert_mounted(done)
        self.assertEqual(self.names(), ["content"])
        self.unmount()
        self.assert_mounted(self.mount(f"{server.url}/t", options=["--wait=0"]))
        self.assertEqual(len(server.asked), 1)

    def test_a_pasted_url_is_escaped(self):
        for path in ("/a film [1]|\u00fc.torrent", "/100%.torrent", "/already%20escaped.torrent"):
            with self.subTest(path=path):
                server = Server(self, {urllib.parse.unquote(path): reply(200, self.bytes)})
                url = f"{server.url}{path}?key=a b|c"
                self.assert_mounted(self.mount(url, options=["--wait=10"]))
                self.assertEqual(self.names(), ["content"])
                asked, = server.asked
                self.assertRegex(asked, r"^[!-~]+$")
                self.assertEqual(urllib.parse.unquote(asked), urllib.parse.unquote(path) + "?key=a b|c")
                self.unmount()
                self.assertEqual(json.loads(btfs.run("info", "--json", url).stdout)["name"], "content")
                subprocess.run(["rm", "-r", self.cache], check=True)

    def test_lasting_failures_are_told_and_not_repeated(self):
        def endless(handler):
            handler.send_response(200)
            handler.end_headers()
            while True:
                handler.wfile.write(bytes(1_000_000))

        answers = {"/missing": reply(404), "/loop": redirect("/loop"), "/page": reply(200, b"<html>log in</html>"),
                   "/endless": endless, "/bomb": reply(200, gzip.compress(bytes(70_000_000)), Content_Encoding="gzip"),
                   "/file": redirect("file:///etc/passwd"), "/empty": reply(200)}
        for path, why in (("/missing", "404"), ("/loop", "too many HTTP redirects"), ("/page", "not valid bencode"),
                          ("/endless", "too large"), ("/bomb", "too large"), ("/file", "malformed"), ("/empty", "")):
            with self.subTest(path=path):
                server, done = self.mount_url(answers, path)
                self.assertEqual(done.returncode, NOT_ALL_THERE, done.stderr)
                self.assertIn(why, done.stderr.splitlines()[-1])
                self.assertEqual(self.names(), [])
                _, (section,) = self.status()
                self.assertEqual((section["state"], section["fetch"]), ("failed", "given up"))
                self.assertIn(why, section["error"])
                asked = len(server.asked)
                self.assertEqual(list(self.cache.glob("*.download")), [])
                self.unmount()
                self.assertEqual(len(server.asked), asked)

    def test_passing_failures_are_repeated(self):
        answers = iter([reply(503), lambda handler: handler.wfile.write(b""), reply(200, self.bytes)])
        server = Server(self, {"/t": lambda handler: next(answers)(handler)})
        self.assertEqual(self.mount(f"{server.url}/t").returncode, 0)
        self.wait_for(lambda: self.status()[1][0].get("fetch") == "HTTP status 503; again in 2 s", "first failure", 5)
        self.assertEqual(self.status()[1][0]["state"], "fetching the torrent file")
        self.wait_for((self.mountpoint / "content").exists, "torrent at the third attempt", 15)
        self.assertEqual(len(server.asked), 3)

    def test_many_urls_are_downloaded_a_few_at_a_time(self):
        at_once, count = 8, 20
        torrents = [self.torrent(f"content-{number}", seed=number).read_bytes() for number in range(count)]
        counting, go_on = threading.Lock(), threading.Event()
        self.addCleanup(go_on.set)
        running = [0]
        def answer(body):
            def send(handler):
                with counting:
                    running.append(running[-1] + 1)
                go_on.wait(20)
                with counting:
                    running.append(running[-1] - 1)
                reply(200, body)(handler)
            return send
        server = Server(self, {f"/{number}": answer(body) for number, body in enumerate(torrents)})
        self.assert_mounted(self.mount(*(f"{server.url}/{number}" for number in range(count))))
        self.wait_for(lambda: len(server.asked) == at_once, "first downloads")
        waiting = [section["fetch"] for section in self.status()[1]].count("waiting for other downloads")
        self.assertEqual(waiting, count - at_once)
        go_on.set()
        self.wait_for(lambda: len(self.names()) == count, "all torrents")
        self.assertEqual(max(running), at_once)

    def test_a_mount_does_not_wait_for_a_server(self):
        slow = threading.Event()
        self.addCleanup(slow.set)
        server = Server(self, {"/t": lambda handler: slow.wait(20)})
        other = self.torrent("other", seed=2)
        began = time.monotonic()
        self.assert_mounted(self.mount(f"{server.url}/t", other))
        self.assertLess(time.monotonic() - began, 3)
        self.assertEqual(self.names(), ["other"])
        self.wait_for(lambda: server.asked, "request")
        began = time.monotonic()
        self.unmount()
        self.assertLess(time.monotonic() - began, 3)

    def test_a_body_that_comes_slowly_is_taken(self):
        def slowly(handler):
            handler.send_response(200)
            handler.end_headers()
            for at in range(0, len(self.bytes), 50):
                handler.wfile.write(self.bytes[at:at + 50])
                time.sleep(0.1)
        _, done = self.mount_url({"/t": slowly}, seconds=25)
        self.assert_mounted(done)
        self.assertEqual(self.names(), ["content"])

    def test_info_reads_urls_and_stdin(self):
        server = Server(self, {"/t": redirect("/u"), "/u": reply(200, self.bytes), "/missing": reply(404)})
        told = btfs.run("info", self.file).stdout
        self.assertEqual(btfs.run("info", f"{server.url}/t").stdout, told)
        done = subprocess.run([btfs.path(), "info", "-"], input=self.bytes, capture_output=True, timeout=30)
        self.assertEqual(done.stdout.decode(), told)
        done = btfs.run("info", f"{server.url}/missing")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn("404", done.stderr)

    def test_a_url_of_what_is_there_already_adds_nothing(self):
        server = Server(self, {"/t": reply(200, self.bytes), "/u": reply(200, self.bytes)})
        self.assert_mounted(self.mount(self.file, f"{server.url}/t", f"{server.url}/u", options=["--wait=10"]))
        self.assertEqual(self.names(), ["content"])
        self.assertEqual(len(self.status()[1]), 1)


if __name__ == "__main__":
    main()
