"""Transmission-Qt, without a screen, as the remote of a mount: what it asks is answered, and a link that it is given is added."""
import json
import os
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import make_files
from support.harness import TestCase, free_port, main
from support.web import Web

LINK = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=a+link"


class Listener(ThreadingHTTPServer):
    """A proxy in front of a mount, which keeps each request of the RPC with its answer."""

    daemon_threads = True

    def __init__(self, port):
        self.target = f"http://127.0.0.1:{port}"
        self.heard = []  # (method, arguments, result, what is returned)
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = urllib.request.Request(self.server.target + self.path, body,
                                         {name: value for name, value in self.headers.items() if name != "Accept-Encoding"})
        try:
            answer = urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            content = answer.read()
        if answer.status == 200:
            asked, said = json.loads(body), json.loads(content)
            self.server.heard.append((asked["method"], asked.get("arguments", {}), said["result"], said.get("arguments", {})))
        self.send_response(answer.status)
        for name in ("Content-Type", "X-Transmission-Session-Id"):
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class TransmissionQt(TestCase):
    def setUp(self):
        super().setUp()
        self.use_own_folders()
        content = make_files(self.folder / "from" / "Series", {"one.mkv": 300_000, "two.mkv": 300_000})
        seed = btfs.Seed(self, content, self.folder / "series.torrent")
        mount = btfs.Mount(self, seed.torrent, peers=[seed.port], options=[f"--web=127.0.0.1:{free_port()}"])
        self.web = Web(mount)
        self.listener = Listener(self.web.port)
        self.addCleanup(self.listener.server_close)
        self.addCleanup(self.listener.shutdown)

    def run_remote(self, *words):
        home = self.folder / "home"
        home.mkdir()
        (home / "settings.json").write_text(json.dumps({
            "remote-session-enabled": True, "remote-session-host": "127.0.0.1", "remote-session-port": self.listener.server_port,
            "remote-session-requires-authentication": False, "user-has-given-informed-consent": True, "show-options-window": False,
            "prompt-before-exit": False, "inhibit-hibernation": False}))
        return self.start(["transmission-qt", "-g", home, *words], env={
            "HOME": str(home), "PATH": os.environ["PATH"], "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8"})

    def answers(self, method):
        return [given for asked, _, _, given in self.listener.heard if asked == method]

    def test_it_lists_what_is_mounted_and_adds_a_link(self):
        remote = self.run_remote(LINK)
        names = lambda: {torrent["name"] for torrent in self.web.status()["torrents"]}
        self.wait_for(lambda: len(names()) == 2, "torrent of the link", 30)

        def rows():
            """Its tables of torrents: a row of names, and a row for each."""
            tables = [given["torrents"] for given in self.answers("torrent-get") if given.get("torrents")]
            return [dict(zip(table[0], row)) for table in tables for row in table[1:] if isinstance(table[0], list)]
        listed = lambda: {row.get("name") for row in rows()}
        self.wait_for(lambda: names() <= listed(), "table with both torrents", 30)
        self.assertIsNone(remote.poll())
        for method in ("session-get", "session-stats", "torrent-get", "torrent-add"):
            self.assertTrue(self.answers(method), method)
        for method, arguments, result, _ in self.listener.heard:
            self.assertEqual(result, "success", (method, arguments))


if __name__ == "__main__":
    main(programs=("transmission-qt",))
