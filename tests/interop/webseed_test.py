"""btfs, web seeds (BEP 19) and HTTP seeds (BEP 17): real servers, and servers that lie, stall or fail. No torrent has a
peer."""
import hashlib
import http.server
import json
import os
import re
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

# A torrent may not lead to loopback, but to a private address. It is one of this namespace's loopback device.
HOST = "10.77.0.1"
KIB, MIB = 1024, 1024 * 1024

# Names that a URL must escape, files that end inside a block, and an empty one.
TREE = {
    "a film.mkv": 5 * MIB + 12_345,
    "empty": 0,
    "deep/er/100 % #1?.txt": 17,
    "deep/übung;x=1&y.bin": 700_001,
    "deep/[a] 'b' + (c).bin": 300_000,
    "readme.txt": 16_385,
}
# Of a torrent itself, with one file or many; the last character is outside of Unicode's first plane.
NAME = "größer & [100 %] #1?x=y;+\u3042 \U0001f3ac.mkv"


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, with ranges. `server.rule(handler, path)` may answer in its place: then it is true."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        seed = self.server.seed
        path = urllib.parse.unquote(self.path.split("?")[0]).lstrip("/")
        seed.requests.append((path, self.headers.get("Range")))
        if seed.rule and seed.rule(self, path):
            return
        self.answer(path)

    def range_of(self, size):
        begin, end = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"]).groups()
        return int(begin), min(int(end) + 1 if end else size, size)

    def head(self, status, **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def answer(self, path, change=None, total=None):
        file = self.server.seed.folder / path
        if not file.is_file():
            return self.head(404, Content_Length=0)
        data = file.read_bytes()
        if change:
            data = change(data)
        begin, end = self.range_of(len(data))
        self.head(206, Content_Length=end - begin, Content_Range=f"bytes {begin}-{end - 1}/{total or len(data)}")
        self.send(data[begin:end])

    def send(self, data):
        try:
            self.wfile.write(data)
            self.server.seed.sent += len(data)
        except OSError:
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    address_family = 2

    def handle_error(self, request, client_address):
        pass


class ScriptedSeed:
    """An HTTP server in this process."""

    def __init__(self, test, folder, rule=None, handler=Handler, host=HOST):
        self.folder, self.rule = Path(folder), rule
        self.requests, self.sent = [], 0
        self.server = Server((host, 0), handler)
        self.server.seed = self
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)
        self.url = f"http://{host}:{self.server.server_address[1]}/"


class PlainHandler(http.server.SimpleHTTPRequestHandler):
    """Python's own: HTTP/1.0 without ranges."""

    def __init__(self, request, client, server):
        super().__init__(request, client, server, directory=str(server.seed.folder))

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.seed.requests.append((self.path, self.headers.get("Range")))
        super().do_GET()


class WebSeeds(TestCase):
    def setUp(self):
        super().setUp()
        subprocess.run(["ip", "address", "replace", f"{HOST}/32", "dev", "lo"], check=True)

    def torrent(self, sizes, *urls, name="content", piece="64K"):
        """Content of these sizes in the folder `www`, and its torrent."""
        self.www = self.folder / "www"
        self.content = make_files(self.www / name, sizes)
        words = [word for url in urls for word in ("--web-seed", url)]
        return btfs.create(self, self.content, self.folder / "t.torrent", "--piece-size", piece, *words)

    def assert_served(self, mount, name="content"):
        self.assertEqual(differences(self.www / name, mount.mountpoint / name), "")

    def serve(self, rule=None, sizes=TREE, **options):
        self.www = self.folder / "www"
        seed = ScriptedSeed(self, self.www, rule)
        torrent = self.torrent(sizes, seed.url, **options)
        return seed, btfs.Mount(self, torrent)

    # ---- servers of Debian ----

    def served_by(self, command, port, log, most_requests):
        url = f"http://{HOST}:{port}/"
        many = self.torrent(TREE, url, name=NAME)
        server = self.start(command)
        self.wait_for_port(port, server)
        mount = btfs.Mount(self, many)
        self.assert_served(mount, NAME)
        mount.stop()
        requests = Path(log).read_text().splitlines()
        self.assertLessEqual(len(requests), most_requests, requests)
        self.assertTrue(any(" 206 " in line for line in requests), requests)
        self.assert_serves_single_files(url)

    def assert_serves_single_files(self, url):
        """Torrents of one file: in a folder, to whose URL its name is added, and with a URL of its own."""
        film = self.folder / "www" / "single files" / NAME
        film.parent.mkdir()
        film.write_bytes(os.urandom(MIB + 12_345))
        folder = url + "single%20files/"
        for i, of_file in enumerate((folder, folder + urllib.parse.quote(NAME))):
            torrent = btfs.create(self, film, self.folder / f"single-{i}.torrent", "--web-seed", of_file)
            mount = btfs.Mount(self, torrent, cache=self.folder / f"cache-{i}")
            self.assertEqual((mount.mountpoint / NAME).read_bytes(), film.read_bytes(), of_file)
            mount.stop()

    def test_nginx(self):
        port, at = free_port(), self.folder
        config = at / "nginx.conf"
        config.write_text(f"""daemon off; master_process off; pid {at}/pid; error_log {at}/error.log; user root;
            events {{ }}
            http {{
                access_log {at}/access.log; client_body_temp_path {at}/b; proxy_temp_path {at}/p;
                fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
                server {{ listen {HOST}:{port}; root {at}/www; }}
            }}""")
        self.served_by(["nginx", "-p", at, "-c", config], port, at / "access.log", 12)

    def test_apache(self):
        port, at = free_port(), self.folder
        config = at / "apache.conf"
        config.write_text(f"""ServerRoot {at}
            ServerName {HOST}
            PidFile {at}/pid
            Listen {HOST}:{port}
            LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
            LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
            ErrorLog {at}/error.log
            LogFormat "%r %>s %b" short
            CustomLog {at}/access.log short
            DocumentRoot {at}/www
            <Directory {at}>
                Require all granted
            </Directory>
            """)
        os.chmod(at, 0o755)
        self.served_by(["apache2", "-D", "FOREGROUND", "-f", config], port, at / "access.log", 12)

    def test_lighttpd(self):
        port, at = free_port(), self.folder
        config = at / "lighttpd.conf"
        config.write_text(f"""server.document-root = "{at}/www"
            server.bind = "{HOST}"
            server.port = {port}
            server.modules = ("mod_accesslog")
            server.errorlog = "{at}/error.log"
            accesslog.filename = "{at}/access.log"
            """)
        self.served_by(["lighttpd", "-D", "-f", config], port, at / "access.log", 12)

    def test_python_without_ranges(self):
        self.www = self.folder / "www"
        seed = ScriptedSeed(self, self.www, handler=PlainHandler)
        mount = btfs.Mount(self, self.torrent(TREE, seed.url, name=NAME))
        with open(mount.mountpoint / NAME / "a film.mkv", "rb") as film:
            film.seek(4 * MIB)
            middle = film.read(100)
        self.assertEqual(middle, (self.content / "a film.mkv").read_bytes()[4 * MIB:4 * MIB + 100])
        self.assert_served(mount, NAME)
        mount.stop()
        self.assert_serves_single_files(seed.url)

    # ---- torrents ----

    def test_one_file_at_its_url_and_one_long_request(self):
        self.www = self.folder / "www"
        self.www.mkdir()
        seed = ScriptedSeed(self, self.www)
        (self.www / "film").write_bytes(os.urandom(20 * MIB))
        torrent = btfs.create(self, self.www / "film", self.folder / "t.torrent", "--web-seed", seed.url + "film",
                              "--piece-size", "256K")
        mount = btfs.Mount(self, torrent)
        self.assertEqual((mount.mountpoint / "film").read_bytes(), (self.www / "film").read_bytes())
        self.assertLessEqual(len(seed.requests), 10, seed.requests)  # four of them share the first piece
        self.assertLessEqual(seed.sent, 1.02 * 20 * MIB)

    def test_pad_files_are_never_asked_for(self):
        self.www = self.folder / "www"
        piece = 64 * KIB
        make_files(self.www / "t", {"one": 100_000, "two": 70_000, "three": 5})
        files, data = [], b""
        for name in ("one", "two", "three"):
            content = (self.www / "t" / name).read_bytes()
            files.append({"length": len(content), "path": [name]})
            data += content
            pad = -len(data) % piece
            files.append({"length": pad, "path": [".pad", str(pad)], "attr": "p"})
            data += bytes(pad)
        pieces = b"".join(hashlib.sha1(data[at:at + piece]).digest() for at in range(0, len(data), piece))
        seed = ScriptedSeed(self, self.www)
        torrent = self.folder / "t.torrent"
        torrent.write_bytes(bencode({"url-list": seed.url, "info": {
            "name": "t", "piece length": piece, "pieces": pieces, "files": files}}))
        mount = btfs.Mount(self, torrent)
        self.assert_served(mount, "t")
        self.assertEqual({path for path, _ in seed.requests}, {"t/one", "t/two", "t/three"})

    def test_a_redirect_is_followed_and_remembered(self):
        self.www = self.folder / "www"
        mirror = ScriptedSeed(self, self.www)

        def rule(handler, path):
            handler.head(302, Location=mirror.url + urllib.parse.quote(path), Content_Length=0)
            return True
        seed, mount = self.serve(rule, {"film": 8 * MIB})
        film = mount.mountpoint / "content/film"
        for at in (0, 6 * MIB, 3 * MIB):  # each is another request
            with open(film, "rb") as reader:
                reader.seek(at)
                reader.read(10)
        self.assert_served(mount)
        self.assertLessEqual(len(seed.requests), 4)  # one of each connection, which may all be made at once
        self.assertGreater(len(mirror.requests), 0)

    def test_a_public_server_does_not_redirect_into_the_local_network(self):
        public = "198.51.100.7"  # for documentation: it is public by its number, and here alone
        subprocess.run(["ip", "address", "replace", f"{public}/32", "dev", "lo"], check=True)
        self.www = self.folder / "www"
        local = ScriptedSeed(self, self.www)

        def rule(handler, path):
            handler.head(302, Location=local.url + path, Content_Length=0)
            return True
        seed = ScriptedSeed(self, self.www, rule, host=public)
        mount = btfs.Mount(self, self.torrent({"file": 1000}, seed.url))
        process = self.start(["cat", mount.mountpoint / "content/file"])
        mount.find("content/file is not asked for any more: .*redirect")
        self.assertEqual(local.requests, [])
        process.kill()

    def test_a_torrents_url_does_not_lead_to_loopback(self):
        self.www = self.folder / "www"
        seed = ScriptedSeed(self, self.www)
        port = seed.server.server_address[1]
        mount = btfs.Mount(self, self.torrent({"file": 1000}, f"http://127.0.0.1:{port}/"))
        process = self.start(["cat", mount.mountpoint / "content/file"])
        mount.find("where torrents may ask trackers alone")
        self.assertEqual(seed.requests, [])
        process.kill()

    # ---- servers that lie, stall, or fail ----

    def test_a_lie_about_one_file_does_not_harm_the_others(self):
        def rule(handler, path):
            if path != "content/b":
                return False
            handler.answer(path, lambda data: bytes(len(data)))
            return True
        seed, mount = self.serve(rule, {"a": 3 * MIB, "b": 3 * MIB, "c": 3 * MIB})
        process = self.start(["cat", mount.mountpoint / "content/b"])
        mount.find("content/b is not asked for any more")
        for name in "ac":  # but for the pieces that they share with it
            with open(mount.mountpoint / "content" / name, "rb") as file:
                file.seek(200 * KIB)
                self.assertEqual(file.read(2 * MIB), (self.content / name).read_bytes()[200 * KIB:][:2 * MIB])
        time.sleep(1)
        self.assertLess(len([path for path, _ in seed.requests if path == "content/b"]), 6)
        process.kill()

    def test_a_changed_file_is_distrusted_for_its_size_alone(self):
        def rule(handler, path):
            if path != "content/b":
                return False
            handler.answer(path, lambda data: data + b"more")
            return True
        seed, mount = self.serve(rule, {"a": MIB, "b": MIB})
        process = self.start(["cat", mount.mountpoint / "content/b"])
        mount.find("content/b is not asked for any more: web seed has not the torrent's file")
        with open(mount.mountpoint / "content/a", "rb") as file:
            self.assertEqual(file.read(900 * KIB), (self.content / "a").read_bytes()[:900 * KIB])
        time.sleep(1)
        self.assertEqual(len([path for path, _ in seed.requests if path == "content/b"]), 1)
        process.kill()

    def test_a_seed_that_stalls_is_left_for_another(self):
        gate = threading.Event()
        self.addCleanup(gate.set)

        def stall(handler, path):
            begin, end = handler.range_of(3 * MIB)
            handler.head(206, Content_Length=end - begin, Content_Range=f"bytes {begin}-{end - 1}/{3 * MIB}")
            handler.send(b"x" * 10)
            gate.wait(60)
            return True
        self.www = self.folder / "www"
        bad, good = ScriptedSeed(self, self.www, stall), ScriptedSeed(self, self.www)
        mount = btfs.Mount(self, self.torrent({"film": 3 * MIB}, bad.url, good.url))
        self.assert_served(mount)

    def test_an_endless_body_is_read_as_far_as_it_is_wanted(self):
        def rule(handler, path):
            handler.close_connection = True
            handler.send_response(200)
            handler.end_headers()
            handler.send((handler.server.seed.folder / path).read_bytes())
            while not handler.wfile.closed:
                try:
                    handler.wfile.write(bytes(64 * KIB))
                except OSError:
                    break
                endless.append(1)
            return True
        endless = []
        seed, mount = self.serve(rule, {"film": 3 * MIB})
        self.assert_served(mount)
        time.sleep(1)
        self.assertLess(len(endless), 1000)  # TCP stops the server

    def test_after_503_the_seed_is_tried_again(self):
        failures = [503, 503, 500]

        def rule(handler, path):
            if not failures:
                return False
            handler.head(failures.pop(), Content_Length=0)
            return True
        seed, mount = self.serve(rule, {"film": MIB})
        self.assert_served(mount)
        self.assertEqual(failures, [])

    def test_a_body_that_breaks_off_is_completed(self):
        cuts = [100_000, 300_000, 50_000]

        def rule(handler, path):
            data = (handler.server.seed.folder / path).read_bytes()
            begin, end = handler.range_of(len(data))
            if not cuts or end - begin < 400_000:
                return False
            handler.head(206, Content_Length=end - begin, Content_Range=f"bytes {begin}-{end - 1}/{len(data)}")
            handler.send(data[begin:begin + cuts.pop()])
            handler.close_connection = True
            return True
        seed, mount = self.serve(rule, {"film": 3 * MIB})
        self.assert_served(mount)
        self.assertEqual(cuts, [])

    def test_a_wrong_range_ends_the_file(self):
        def rule(handler, path):
            handler.head(206, Content_Length=10, Content_Range="bytes 0-9/10")
            handler.send(bytes(10))
            return True
        seed, mount = self.serve(rule, {"film": MIB})
        process = self.start(["cat", mount.mountpoint / "content/film"])
        mount.find("content/film is not asked for any more")
        mount.find("not used any more")
        time.sleep(1)
        self.assertLess(len(seed.requests), 3)
        process.kill()

    def test_an_idle_torrent_asks_nothing(self):
        seed, mount = self.serve(None, {"film": MIB})
        os.stat(mount.mountpoint / "content/film")
        time.sleep(1)
        self.assertEqual(seed.requests, [])

    # ---- HTTP seeds (BEP 17) ----

    def http_seed(self, told=(), change=lambda body: body):
        """A torrent of several files whose only source sends pieces. Its first replies are the 503s in `told`."""
        self.www = self.folder / "www"
        torrent = self.torrent(TREE)
        shown = json.loads(btfs.run("info", "--json", torrent).stdout)
        content = b"".join((self.content / file["path"].partition("/")[2]).read_bytes() for file in shown["files"])
        told, piece = list(told), 64 * KIB
        self.refused = []

        def script(handler, path):
            query = urllib.parse.parse_qs(handler.path.partition("?")[2], encoding="latin-1")
            self.assertEqual(query["info_hash"][0].encode("latin-1").hex(), shown["info_hash_v1"])
            self.assertIsNone(handler.headers.get("Range"))
            if told:
                self.refused.append(time.monotonic())
                body = told.pop(0)
                handler.head(503, Content_Length=len(body))
                handler.send(body)
                return True
            at = int(query["piece"][0]) * piece
            body = content[at:at + piece]
            if "ranges" in query:
                first, last = map(int, query["ranges"][0].split("-"))
                body = body[first:last + 1]
            body = change(body)
            handler.head(200, Content_Length=len(body))
            handler.send(body)
            return True

        seed = ScriptedSeed(self, self.www, script)
        raw = Path(torrent).read_bytes()
        self.assertEqual(raw.count(b"4:infod"), 1)
        Path(torrent).write_bytes(raw.replace(b"4:infod", b"9:httpseeds" + bencode([seed.url + "seed.php"]) + b"4:infod"))
        self.assertEqual(json.loads(btfs.run("info", "--json", torrent).stdout)["http_seeds"], [seed.url + "seed.php"])
        return seed, btfs.Mount(self, torrent)

    def test_an_http_seed_serves_pieces_and_is_left_alone_as_long_as_it_says(self):
        seed, mount = self.http_seed(told=[b"3\n"])
        self.assert_served(mount)
        self.assertGreaterEqual(time.monotonic() - self.refused[0], 3)
        self.assertEqual(len(self.refused), 1)
        size = sum(TREE.values())
        self.assertLessEqual(seed.sent, 1.02 * size + 2)
        self.assertLessEqual(len(seed.requests), 2 + 1.2 * size / (64 * KIB), len(seed.requests))

    def test_an_http_seed_that_lies_is_not_asked_again(self):
        seed, mount = self.http_seed(change=lambda body: bytes(len(body)))
        reader = self.start(["cat", mount.mountpoint / "content/a film.mkv"])
        mount.find("not used any more")
        asked = len(seed.requests)
        time.sleep(2)
        self.assertEqual(len(seed.requests), asked)
        reader.kill()

    def test_a_magnet_link_takes_its_web_seed_once_a_peer_has_the_metadata(self):
        self.www = self.folder / "www"
        seed = ScriptedSeed(self, self.www)
        torrent = self.torrent({"film": 2 * MIB})
        info_hash = re.search(r"info-hash: +(\w+)", btfs.run("info", torrent).stdout)[1]
        # A peer that has the metadata, and uploads nothing.
        peer = btfs.Seed(self, self.content, self.folder / "s.torrent", "--piece-size", "64K", "--upload-limit", "1K",
                         "--limit-local")
        mount = btfs.Mount(self, f"magnet:?xt=urn:btih:{info_hash}&ws={urllib.parse.quote(seed.url)}",
                           peers=[peer.port])
        mount.find("has web seeds, which serve once")
        self.wait_for(lambda: (mount.mountpoint / "content/film").exists(), "the file")
        self.assert_served(mount)
        self.assertGreaterEqual(seed.sent, MIB)


if __name__ == "__main__":
    main(programs=["nginx", "apache2", "lighttpd"])
