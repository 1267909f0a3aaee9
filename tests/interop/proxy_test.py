"""btfs through proxies that people run: microsocks, Dante, tinyproxy and squid. A tracker, a web page with the torrent
file, and a peer, all of them reached through the proxy; over Dante uTP, too."""
import functools
import http.server
import shutil
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.capture import Capture, TCP, UDP
from support.content import MIXED, differences, make_files
from support.harness import TestCase, free_port, listening_ports, main
from support.machine import Machine
from support.tracker import Tracker

US, FAR = "10.77.1.1", "10.77.1.2"
PORT = 1080

DANTE = """
logoutput: stderr
internal: {far} port = {port}
external: far-far
socksmethod: none
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 command: connect udpassociate udpreply }}
"""
TINYPROXY = """
Port {port}
Listen {far}
Timeout 60
MaxClients 100
BasicAuth me sesame
"""
SQUID = """
http_port {far}:{port}
http_access allow all
cache deny all
pid_filename none
access_log none
cache_log {folder}/squid.log
cache_store_log none
coredump_dir {folder}
netdb_filename none
shutdown_lifetime 0 seconds
pinger_enable off
"""


class Proxies(TestCase):
    """The proxy and all that it reaches are on another machine."""

    def setUp(self):
        super().setUp()
        self.folder.chmod(0o755)
        self.far = Machine(self, "far", f"{US}/24", f"{FAR}/24")
        self.content = make_files(self.folder / "content", MIXED)
        self.tracker = self.far.make(lambda: Tracker(self, FAR))
        self.torrent = btfs.create(self, self.content, self.folder / "content.torrent", "--tracker", self.tracker.http,
                                   "--tracker", self.tracker.udp)
        self.web = self.far.make(self.serve_folder)
        port = free_port()
        self.start(self.far.words(btfs.path(), "seed", self.content, "-o", self.folder / "seed.torrent", "--port", port,
                                  "--tracker", self.tracker.http, *btfs.ALONE))
        self.wait_for(lambda: "started" in self.tracker.events, "announce of the seed")
        self.capture = Capture(self, "far")

    def serve_folder(self):
        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer((FAR, 0), functools.partial(Quiet, directory=self.folder))
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://{FAR}:{server.server_address[1]}/content.torrent"

    def config(self, text):
        path = self.folder / "proxy.conf"
        path.write_text(text.format(far=FAR, port=PORT, folder=self.folder))
        return path

    def start_proxy(self, program, *command):
        if not shutil.which(program):
            self.lacks(f"{program} is not installed")
        process = self.start(self.far.words(program, *command))
        sockets = Path(f"/proc/{process.pid}/net/tcp")  # nsenter becomes the program: these are of its namespace
        self.wait_for(lambda: f":{PORT:04X} 00000000:0000 0A" in sockets.read_text(), program)
        return process

    def mount(self, url, *options):
        mount = btfs.Mount(self, self.web, alone=False,
                           options=["--proxy", url, "--dht-bootstrap", f"{FAR}:9", *options])
        self.wait_for((mount.mountpoint / "content").exists, "torrent")
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        return mount

    def assert_nothing_else_left(self, mount, udp=False):
        mount.stop()
        ours = [p for p in list(self.capture.packets) if p.source == US]
        self.assertTrue(ours)
        self.assertEqual([p for p in ours if p.protocol == TCP and p.target_port != PORT], [])
        if not udp:
            self.assertEqual([p for p in ours if p.protocol == UDP], [])
        self.assertEqual(listening_ports(), set())

    def test_microsocks(self):
        self.start_proxy("microsocks", "-i", FAR, "-p", PORT, "-u", "me", "-P", "sesame")
        mount = self.mount(f"socks5://me:sesame@{FAR}:{PORT}")
        mount.find("no UDP")  # it has no relay
        self.assert_nothing_else_left(mount)

    def test_dante(self):
        self.start_proxy("danted", "-f", self.config(DANTE))
        mount = self.mount(f"socks5://{FAR}:{PORT}")
        mount.find("the proxy relays UDP")
        self.assert_nothing_else_left(mount, udp=True)

    def test_dante_carries_utp(self):
        self.start_proxy("danted", "-f", self.config(DANTE))
        mount = self.mount(f"socks5://{FAR}:{PORT}", "--transport", "utp")
        self.assert_nothing_else_left(mount, udp=True)

    def test_tinyproxy(self):
        self.start_proxy("tinyproxy", "-d", "-c", self.config(TINYPROXY))
        self.assert_nothing_else_left(self.mount(f"http://me:sesame@{FAR}:{PORT}"))

    def test_squid(self):
        (self.folder / "squid.log").touch()
        shutil.chown(self.folder / "squid.log", "proxy")
        self.start_proxy("squid", "-N", "-f", self.config(SQUID))
        self.assert_nothing_else_left(self.mount(f"http://{FAR}:{PORT}"))


if __name__ == "__main__":
    main()
