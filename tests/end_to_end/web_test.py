"""The web server of a mount: streams for players, what it lets be asked of it, and what it bears."""
import base64
import email.utils
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, free_port, main
from support.web import Web, parts_of


class WebCase(TestCase):
    def setUp(self):
        super().setUp()
        self.use_own_folders()

    def make(self, files):
        self.content = make_files(self.folder / "from" / "film", files)
        self.torrent = self.folder / "film.torrent"
        self.seed = btfs.Seed(self, self.content, self.torrent, "--piece-size", "64K")

    def mount(self, *options, peers=True, port=None):
        mount = btfs.Mount(self, self.torrent, peers=[self.seed.port] if peers else [],
                           options=[f"--web={port or free_port()}", *options])
        return Web(mount)


class Streams(WebCase):
    def setUp(self):
        super().setUp()
        self.make({"a film.mkv": 3_000_000, "empty.txt": 0, "page.html": 5_000, "more/second.mp4": 400_000})
        self.film = (self.content / "a film.mkv").read_bytes()

    def test_ranges(self):
        web = self.mount()
        status, headers, body = web.stream("film/a%20film.mkv")
        self.assertEqual((status, body), (200, self.film))
        self.assertEqual(headers["Content-Type"], "video/x-matroska")
        size = len(self.film)
        for asked, begin, end in (("0-0", 0, 1), ("2999999-", size - 1, size), ("-5", size - 5, size),
                                  ("100-9999999", 100, size), ("1000000-1999999", 1_000_000, 2_000_000)):
            status, headers, body = web.stream("film/a%20film.mkv", Range=f"bytes={asked}")
            self.assertEqual((status, body), (206, self.film[begin:end]), asked)
            self.assertEqual(headers["Content-Range"], f"bytes {begin}-{end - 1}/{size}")
        status, headers, body = web.stream("film/a%20film.mkv", Range="bytes=0-9,-10")
        self.assertEqual(parts_of(headers, body), [(f"bytes 0-9/{size}", self.film[:10]),
                                                   (f"bytes {size - 10}-{size - 1}/{size}", self.film[-10:])])
        status, headers, body = web.stream("film/a%20film.mkv", Range=f"bytes={size}-")
        self.assertEqual((status, headers["Content-Range"], body), (416, f"bytes */{size}", b""))
        self.assertEqual(web.stream("film/empty.txt")[::2], (200, b""))

    def test_a_head_fetches_nothing(self):
        web = self.mount()
        status, headers, body = web.stream("film/a%20film.mkv", "HEAD")
        self.assertEqual((status, headers["Content-Length"], body), (200, str(len(self.film)), b""))
        status, headers, body = web.stream("film/a%20film.mkv", "HEAD", Range="bytes=0-9")
        self.assertEqual((status, headers["Content-Length"], headers["Content-Range"]), (200, str(len(self.film)), None))
        self.assertEqual(headers["Accept-Ranges"], "bytes")
        self.assertEqual((web.status()["received"], web.status()["readers"]), (0, []))

    def test_links_and_etags_hold_over_a_restart(self):
        port = free_port()
        web = self.mount(port=port)
        _, headers, _ = web.stream("film/a%20film.mkv", "HEAD")
        streams, etag = web.streams, headers["ETag"]
        web.mount.stop()
        web = self.mount(port=port)
        web.status()
        self.assertEqual(web.streams, streams)
        self.assertEqual(web.stream("film/a%20film.mkv", Range="bytes=0-9", If_Match=etag)[::2], (206, self.film[:10]))
        self.assertEqual(web.stream("film/a%20film.mkv", Range="bytes=0-9", If_Range='"other"')[::2], (200, self.film))
        self.assertEqual(web.stream("film/a%20film.mkv", If_Match='"other"')[0], 412)
        self.assertEqual(web.stream("film/a%20film.mkv", If_None_Match=etag)[::2], (304, b""))
        modified = email.utils.parsedate_to_datetime(headers["Last-Modified"])
        for form in ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"):
            self.assertEqual(web.stream("film/a%20film.mkv", If_Modified_Since=modified.strftime(form))[0], 304, form)

    def test_names_that_lead_nowhere(self):
        web = self.mount()
        for path in ("", "film", "film/", "film/none", "film/../film/empty.txt", "film/%2e%2e/film/empty.txt", "../../etc/passwd",
                     "film%2Fempty.txt", "film/empty.txt/x", "film//empty.txt", "film/%00", "film/%", ".btfs/status",
                     "%2ebtfs/status", "x" * 5000):
            self.assertEqual(web.stream(path)[0], 404, path)
        self.assertEqual(web.ask("/stream/" + "0" * 32 + "/film/empty.txt")[0], 404)
        status, headers, _ = web.stream("film/empty.txt", "POST")
        self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (405, "*"))
        self.assertEqual(web.stream("film/none")[1]["Access-Control-Allow-Origin"], "*")

    def test_pages_of_other_sites_may_show_a_stream_and_nothing_in_it_runs(self):
        web = self.mount()
        status, headers, _ = web.stream("film/page.html", Origin="http://cast.example")
        self.assertEqual((status, headers["Content-Type"], headers["Access-Control-Allow-Origin"]),
                         (200, "text/plain; charset=utf-8", "*"))
        self.assertEqual(headers["Content-Security-Policy"], "sandbox")
        status, headers, _ = web.stream("film/page.html", "OPTIONS", Origin="http://cast.example")
        self.assertEqual(status, 204)
        self.assertIn("Range", headers["Access-Control-Allow-Headers"])
        self.assertNotIn("Access-Control-Allow-Origin", web.ask("/api/status", Origin="http://cast.example")[1])

    def test_a_playlist_of_a_folder(self):
        web = self.mount()
        web.status()
        status, headers, body = web.ask(web.playlists + "film/")
        self.assertEqual((status, headers["Content-Type"]), (200, "audio/x-mpegurl"))
        lines = body.decode().splitlines()
        self.assertEqual(lines, ["#EXTM3U", "#EXTINF:-1,a film.mkv", web.url("film/a%20film.mkv"),
                                 "#EXTINF:-1,second.mp4", web.url("film/more/second.mp4")])
        _, _, body = web.ask(web.playlists + "film/", X_Forwarded_Proto="https")
        links = [line for line in body.decode().splitlines() if not line.startswith("#")]
        self.assertEqual(links[0], web.url("film/a%20film.mkv").replace("http://", "https://"))

    def test_one_connection_asks_for_many_things_at_once(self):
        web = self.mount()
        path = web.url("film/a%20film.mkv").partition(str(web.port))[2]
        with web.connect() as client:
            client.sendall("".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nRange: bytes={at}-{at + 9}\r\n\r\n"
                                   for at in range(0, 1000, 10)).encode())
            received = b""
            while received.count(b"HTTP/1.1 206") < 100 or not received.endswith(self.film[990:1000]):
                some = client.recv(1 << 16)
                self.assertNotEqual(some, b"")
                received += some
        for at in range(0, 1000, 10):
            self.assertIn(b"\r\n\r\n" + self.film[at:at + 10], received)

    def test_a_client_that_goes_wants_nothing_any_more(self):
        web = self.mount(peers=False)
        path = web.url("film/a%20film.mkv").partition(str(web.port))[2]
        with web.connect() as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: VLC/3.0 <b>\r\n\r\n".encode())
            self.wait_for(lambda: [r["waiting"] for r in web.status()["readers"]] == [1], "reader that waits", 5)
            reader, = web.status()["readers"]
            self.assertEqual((reader["pid"], reader["process"], reader["client"]), (None, "VLC", "127.0.0.1"))
            self.assertRegex(btfs.run("status", "--once", web.mount.mountpoint).stdout, r"VLC \(127\.0\.0\.1\) +film/a film")
            self.assertIn(b"200 OK", client.recv(1 << 16))
        self.wait_for(lambda: web.status()["readers"] == [], "end of the reader", 5)

    def test_a_slow_client_gets_all_of_it_and_others_do_not_wait(self):
        web = self.mount()
        path = web.url("film/a%20film.mkv").partition(str(web.port))[2]
        with web.connect() as slow:
            slow.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            time.sleep(1)
            self.assertEqual(web.stream("film/a%20film.mkv")[::2], (200, self.film))
            received = b""
            while some := slow.recv(1 << 16):
                received += some
                time.sleep(0.005)
        self.assertEqual(received.partition(b"\r\n\r\n")[2], self.film)

    def test_ranges_in_parallel(self):
        web = self.mount()
        found = {}

        def fetch(at):
            found[at] = web.stream("film/a%20film.mkv", Range=f"bytes={at}-{at + 299_999}")[2]

        web.status()
        threads = [threading.Thread(target=fetch, args=[at]) for at in range(0, 3_000_000, 300_000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(b"".join(found[at] for at in sorted(found)), self.film)

    def test_a_mount_with_streams_that_wait_ends_at_once(self):
        web = self.mount(peers=False)
        path = web.url("film/a%20film.mkv").partition(str(web.port))[2]
        clients = [web.connect() for _ in range(30)]
        for client in clients:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.wait_for(lambda: len(web.status()["readers"]) == 30, "30 readers", 5)
        web.mount.stop()
        for client in clients:
            client.close()


class Players(WebCase):
    def test_they_play_and_seek(self):
        film = self.folder / "made.mkv"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=25", "-f", "lavfi", "-i", "sine",
                        "-t", "20", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac", film],
                       check=True, stdin=subprocess.DEVNULL, timeout=60)
        self.make({"notes.txt": 10})
        (self.content / "film.mkv").write_bytes(film.read_bytes())
        self.seed.stop()
        self.seed = btfs.Seed(self, self.content, self.torrent, "--piece-size", "64K")
        web = self.mount()
        url = web.url("film/film.mkv")
        local = self.hashes(film, 12)
        self.assertEqual(self.hashes(url, 12), local)
        done = subprocess.run(["mpv", "--no-config", "--vo=null", "--ao=null", "--start=10", "--length=1", "--untimed", url],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("Exiting... (End of file)", done.stdout)
        self.wait_for(lambda: web.status()["readers"] == [], "end of the readers", 5)

    def hashes(self, source, at):
        """Hashes of the frames of a second."""
        return subprocess.run(["ffmpeg", "-v", "error", "-ss", str(at), "-i", str(source), "-t", "1", "-map", "0:v", "-f", "framemd5", "-"],
                              check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).stdout


class Control(WebCase):
    def setUp(self):
        super().setUp()
        self.make({"film.mkv": 300_000})

    def test_what_is_asked_is_done(self):
        web = self.mount()
        other = btfs.create(self, make_files(self.folder / "other", {"song.flac": 1000}), self.folder / "other.torrent")
        status, _, body = web.control({"command": "add", "file": base64.b64encode(other.read_bytes()).decode(), "label": "music"})
        self.assertEqual((status, json.loads(body)["name"]), (200, "other"))
        self.assertEqual(sorted(os.listdir(web.mount.mountpoint)), ["film", "other"])
        self.assertEqual(web.control({"command": "remove", "torrent": "other"})[0], 200)
        self.assertEqual(os.listdir(web.mount.mountpoint), ["film"])
        status, _, body = web.control({"command": "remove", "torrent": "other"})
        self.assertEqual((status, list(json.loads(body))), (400, ["error"]))
        self.assertIn(b"btfs_info", web.ask("/metrics")[2])
        self.assertIn(b"<!doctype html>", web.ask("/")[2])

    def test_listeners_are_told_what_changes(self):
        web = self.mount()
        with web.connect() as client:
            client.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            file = client.makefile("rb")

            def event():
                while True:
                    line = file.readline()
                    self.assertNotEqual(line, b"")
                    if line.startswith(b"data: "):
                        return json.loads(line[6:])

            first = event()
            self.assertEqual((first["all"], [t["name"] for t in first["torrents"]]), (True, ["film"]))
            key = first["torrents"][0]["key"]
            web.control({"command": "remove", "torrent": "film"})
            limit = time.monotonic() + 10
            while (later := event())["gone"] != [key]:
                self.assertLess(time.monotonic(), limit)
            self.assertEqual((later["all"], later["torrents"]), (False, []))

    def test_requests_of_other_sites_are_refused(self):
        web = self.mount()
        self.assertEqual(web.ask("/", Host="evil.example")[0], 421)
        self.assertEqual(web.ask("/", Host="")[0], 421)
        self.assertEqual(web.ask("/", Host="localhost:1")[0], 200)
        remove = {"command": "remove", "torrent": "film"}
        self.assertEqual(web.control(remove, Origin="http://evil.example")[0], 403)
        self.assertEqual(web.control(remove, Origin="null")[0], 403)
        self.assertEqual(web.control(remove, Sec_Fetch_Site="cross-site")[0], 403)
        self.assertEqual(web.control(remove, Content_Type="text/plain")[0], 415)
        self.assertEqual(web.ask("/api/control")[0], 405)
        self.assertEqual(os.listdir(web.mount.mountpoint), ["film"])
        self.assertEqual(web.control(remove, Host=f"127.0.0.1:{web.port}", Origin=f"http://127.0.0.1:{web.port}")[0], 200)

    def test_pages_of_other_sites_may_lead_here_and_ask_nothing(self):
        web = self.mount()
        self.assertEqual(web.ask("/", Sec_Fetch_Site="cross-site")[0], 200)
        self.assertEqual(web.ask("/api/status", Sec_Fetch_Site="cross-site")[0], 403)

    def test_without_control_there_is_a_page_and_nothing_can_be_changed(self):
        web = self.mount("--no-control")
        self.assertEqual(web.ask("/")[0], 200)
        self.assertEqual(web.stream("film/film.mkv", Range="bytes=0-9")[0], 206)
        self.assertEqual(web.control({"command": "remove", "torrent": "film"})[0], 404)
        self.assertEqual(web.ask("/transmission/rpc", "POST", "{}")[0], 404)

    def test_a_mount_ends_while_it_is_asked_for_much(self):
        web = self.mount()
        link = {"command": "add", "link": "magnet:?xt=urn:btih:" + "ab" * 20}
        ending = threading.Event()

        def ask():
            while not ending.is_set():
                try:
                    web.control(link)
                    web.control({"command": "remove", "torrent": "ab" * 20})
                    web.status()
                except (OSError, http.client.HTTPException, AssertionError):
                    return

        def listen():
            try:
                with web.connect() as client:
                    client.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    while client.recv(1 << 16):
                        pass
            except OSError:
                pass

        threads = [threading.Thread(target=target) for target in [ask] * 6 + [listen] * 10]
        for thread in threads:
            thread.start()
        time.sleep(1)
        web.mount.stop()
        ending.set()
        for thread in threads:
            thread.join(20)

    def test_a_name_of_the_machine_is_allowed(self):
        web = self.mount("--web-name", "nas.example")
        self.assertEqual(web.ask("/", Host=f"NAS.example:{web.port}")[0], 200)

    def test_a_password(self):
        file = self.folder / "password"
        file.write_text("right\n")
        file.chmod(0o600)
        web = self.mount("--web-password-file", file)

        def login(word):
            return {"Authorization": "Basic " + base64.b64encode(f"me:{word}".encode()).decode()}

        status, headers, _ = web.ask("/")
        self.assertEqual((status, headers["WWW-Authenticate"]), (401, 'Basic realm="btfs", charset="UTF-8"'))
        self.assertEqual(web.control({"command": "remove", "torrent": "film"})[0], 401)
        self.assertEqual(web.ask("/", **login("right"))[0], 200)
        web.status(**login("right"))
        self.assertEqual(web.stream("film/film.mkv", Range="bytes=0-9")[0], 206)  # players know no password
        self.assertEqual(web.ask("/", **login("wrong"))[0], 401)
        status, headers, _ = web.ask("/", **login("right"))
        self.assertEqual((status, headers["Retry-After"]), (429, "1"))
        self.wait_for(lambda: web.ask("/", **login("right"))[0] == 200, "second chance", 5)
        for _ in range(2):  # behind a proxy on this machine one client's wrong password delays no other
            web.ask("/", X_Forwarded_For="203.0.113.1, 198.51.100.1", **login("wrong"))
        self.assertEqual(web.ask("/", X_Forwarded_For="198.51.100.1", **login("right"))[0], 429)
        self.assertEqual(web.ask("/", X_Forwarded_For="198.51.100.1, 198.51.100.2", **login("right"))[0], 200)
        self.assertEqual(web.ask("/", **login("right"))[0], 200)

    def test_what_cannot_be_served_is_said(self):
        file = self.folder / "password"
        file.write_text("\n")
        file.chmod(0o600)
        (self.folder / "mnt").mkdir()
        (self.folder / "mnt2").mkdir()
        for options, words in ((["--web=0.0.0.0:9091"], "give a --web-password-file"), (["--web=nas"], "is no address and port"),
                               (["--web", "--web-password-file", file], "the file is empty"),
                               (["--web", "--web-password-file", file.parent / "none"], "No such file"),
                               (["--web=192.0.2.1:9091", "--web-password-file", self.torrent], "other users may read")):
            done = btfs.run("mount", *btfs.ALONE, *options, "--cache-dir", self.folder / "c", self.torrent, self.folder / "mnt")
            self.assertNotEqual(done.returncode, 0, options)
            self.assertIn(words, done.stderr)
        web = self.mount()
        done = btfs.run("mount", *btfs.ALONE, f"--web={web.port}", "--cache-dir", self.folder / "c", self.torrent, self.folder / "mnt2")
        self.assertIn("Address already in use", done.stderr)
        self.assertFalse(os.path.ismount(self.folder / "mnt2"))


class Hostile(WebCase):
    def setUp(self):
        super().setUp()
        self.make({"film.mkv": 300_000})
        self.web = self.mount()

    def answers(self):
        self.assertEqual(self.web.stream("film/film.mkv")[::2], (200, (self.content / "film.mkv").read_bytes()))

    def say(self, *pieces):
        """What comes back until the server hangs up, or says nothing for two seconds."""
        with self.web.connect() as client:
            client.settimeout(2)
            received = b""
            try:
                for piece in pieces:
                    client.sendall(piece)
                while some := client.recv(1 << 16):
                    received += some
            except OSError:
                pass
            return received

    def test_what_is_no_request(self):
        for rubbish in (b"\0" * 100, b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET  / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00",
                        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                        b"POST /api/control HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n"):
            answer = self.say(rubbish)
            self.assertNotIn(b" 200 ", answer[:20], rubbish[:50])
        self.answers()

    def test_every_form_of_a_target_and_a_host(self):
        for line, headers, status in (
                (f"GET http://localhost:{self.web.port}/api/status HTTP/1.1", "Host: evil.example\r\n", 200),
                ("GET http://evil.example/api/status HTTP/1.1", "Host: localhost\r\n", 421),
                ("GET /api/status HTTP/1.1", "", 400), ("GET /api/status HTTP/1.1", "Host: localhost\r\nHost: localhost\r\n", 400),
                ("GET /api/status HTTP/1.0", "", 421), ("HEAD /api/events HTTP/1.1", "Host: localhost\r\n", 405),
                ("DELETE /api/events HTTP/1.1", "Host: localhost\r\n", 405)):
            answer = self.say(f"{line}\r\n{headers}Connection: close\r\n\r\n".encode())
            self.assertTrue(answer.startswith(b"HTTP/1.%c %d " % (line[-1].encode(), status)), (line, headers, answer[:60]))
        self.assertIn(b"Allow: GET\r\n", answer)
        self.answers()

    def test_bodies(self):
        head = b"POST /api/control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        for body in (b"", b"[" * 100_000, b'{"a":' * 10_000, b"{}", b"[]", b"null", b'{"command":[]}', b'{"command":"none"}',
                     b'{"command":"add","file":"%"}', b'{"command":"add","link":"http://\xff"}', b"\xff\xfe", b'{"command":"list"} x'):
            answer = self.say(head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
            self.assertIn(b"HTTP/1.1 400 ", answer, body[:40])
        self.assertIn(b"HTTP/1.1 413 ", self.say(head + b"Content-Length: 200000000\r\n\r\n"))
        bomb = b'{"command":[' + b"0," * 3_000_000 + b"0]}"
        self.assertIn(b"HTTP/1.1 413 ", self.say(head + b"Content-Length: %d\r\n\r\n" % len(bomb) + bomb))
        self.answers()

    def test_a_request_for_what_lasts_has_no_body(self):
        self.web.status()
        for path in (self.web.streams + "film/film.mkv", self.web.playlists + "film", "/api/events", "/api/status"):
            for body in (b"Content-Length: 94371840\r\n\r\n", b"Content-Length: 1\r\n\r\nx",
                         b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"):
                answer = self.say(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + body)
                self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), (path, body[:20], answer[:60]))
                self.assertIn(b"Connection: close\r\n", answer)
        self.assertIn(b"HTTP/1.1 404 ", self.say(b"POST /none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"))
        answer = self.say(f"GET {self.web.streams}film/film.mkv HTTP/1.1\r\nHost: localhost\r\n"
                          "Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), "a body of no bytes is none")
        self.answers()

    def test_a_refusal_comes_though_the_body_was_not_read(self):
        body = b"x" * 3_000_000
        answer = self.say(b"POST /api/control HTTP/1.1\r\nHost: evil.example\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        self.assertIn(b"HTTP/1.1 421 ", answer)

    def test_more_streams_that_wait_than_there_may_be_connections(self):
        path = self.web.url("film/film.mkv").partition(str(self.web.port))[2]
        self.seed.kill()
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        clients = []
        for _ in range(560):
            clients.append(self.web.connect())
            clients[-1].sendall(request)
        self.wait_for(lambda: 500 <= len(self.web.status()["readers"]) <= 512, "end of those that are too many", 10)
        for client in clients:
            client.close()
        self.wait_for(lambda: self.web.status()["readers"] == [], "end of the readers", 10)

    def test_large_bodies_take_turns(self):
        head = b"POST /api/control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 80000000\r\n\r\n"
        clients = [self.web.connect() for _ in range(6)]
        for client in clients:
            client.sendall(head + b" " * 1000)
            client.settimeout(2)
        refused = 0
        for client in clients:
            try:
                refused += b" 503 " in client.recv(1000)
            except TimeoutError:
                pass
            client.close()
        self.assertEqual(refused, 2)
        self.answers()

    def test_a_thousand_connections_that_say_nothing_or_little(self):
        clients = []
        for number in range(1000):
            client = self.web.connect()
            clients.append(client)
            if number % 2:
                client.sendall(b"GET / HTTP/1.1\r\n")
        self.answers()
        for client in clients:
            client.close()
        self.answers()


main(programs=["ffmpeg", "mpv"])
