"""With --proxy everything goes through the proxy, by name, or nowhere."""
import functools
import http.server
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.capture import Capture, TCP, UDP
from support.content import differences, make_files
from support.harness import TestCase, free_port, listening_ports, main
from support.machine import Machine, run
from support.proxies import Proxy
from support.tracker import Tracker

US, FAR = "10.77.1.1", "10.77.1.2"
NAMES = [f"name={name}.example:{FAR}" for name in ("tracker", "peer", "files", "router")]
SIZE = 3_000_000


class Files(http.server.SimpleHTTPRequestHandler):
    """A folder with ranges; each file that was asked for is noted."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        data = (Path(self.directory) / self.path.lstrip("/")).read_bytes()
        begin, end = 0, len(data)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted:
            begin, end = int(wanted[1]), min(int(wanted[2]) + 1, end)
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        self.wfile.write(data[begin:end])


class Proxied(TestCase):
    """The proxy is on another machine, with all that can be reached. The default route leads elsewhere, to where name
    servers and routers would be."""

    def setUp(self):
        super().setUp()
        self.far = Machine(self, "right", f"{US}/24", f"{FAR}/24")
        Machine(self, "wrong", "10.77.2.1/24", "10.77.2.2/24")
        run("ip", "route", "add", "default", "via", "10.77.2.2")
        resolv, own = Path("/etc/resolv.conf"), self.folder / "resolv.conf"
        own.write_text("nameserver 10.77.2.2\n")
        subprocess.run(["mount", "--bind", own, resolv], check=True)
        self.addCleanup(subprocess.run, ["umount", resolv], check=True)
        self.content = make_files(self.folder / "content", {"film.mkv": SIZE})
        self.tracker = self.far.make(lambda: Tracker(self, FAR))
        self.files = self.far.make(self.serve_files)
        self.captures = {name: Capture(self, name) for name in ("right", "wrong", "lo")}

    def serve_files(self):
        server = http.server.ThreadingHTTPServer((FAR, 0), functools.partial(Files, directory=self.folder))
        server.asked = []
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def by_name(self, url, name):
        return url.replace(FAR, name + ".example")

    def files_url(self, path):
        return f"http://files.example:{self.files.server_address[1]}/{path}"

    def make_torrent(self, *options):
        return btfs.create(self, self.content, self.folder / "content.torrent", *options)

    def seed(self, *options):
        port = free_port()
        process = self.start(self.far.words(btfs.path(), "seed", self.content, "-o", self.folder / "seed.torrent",
                                            "--port", port, *btfs.ALONE, *options))
        self.wait_for(lambda: "peer:" in process.output.read_text(), "seed", 10)
        return port

    def mount(self, url, *sources, options=(), **more):
        return btfs.Mount(self, *(sources or [self.folder / "content.torrent"]), alone=False,
                          options=["--proxy", url, "--dht-bootstrap", "router.example:6881", *options], **more)

    def assert_all_went_through(self, proxy):
        """No packet but those of connections with the proxy and to its relays, and no listener."""
        relays = {(UDP, FAR, int(port)) for kind, _, _, port in proxy.requests() if kind == "RELAY"}
        self.assertEqual([p for p in list(self.captures["wrong"].packets) if p.protocol in (TCP, UDP)], [])
        self.assertEqual([p for p in list(self.captures["lo"].packets) if p.protocol in (TCP, UDP)], [])
        ours = [p for p in list(self.captures["right"].packets) if p.source == US]
        self.assertTrue(ours)
        taken = {(TCP, FAR, proxy.port), *relays}
        self.assertEqual([p for p in ours if (p.protocol, p.target, p.target_port) not in taken], [])
        self.assertEqual(listening_ports(), set())

    def all_by_name(self, kind):
        """The torrent file, trackers, a web seed and a peer, each by name."""
        port = self.seed()
        self.make_torrent("--tracker", self.by_name(self.tracker.http, "tracker"),
                          "--tracker", self.by_name(self.tracker.udp, "tracker"), "--web-seed", self.files_url(""))
        proxy = Proxy(self, kind, "login=me:sesame", *NAMES, address=FAR, machine=self.far)
        mount = self.mount(proxy.url.replace("//", "//me:sesame@"), self.files_url("content.torrent"),
                           peers=[f"peer.example:{port}"])
        film = mount.mountpoint / "content"
        self.wait_for(film.exists, "torrent")
        self.assertEqual(differences(self.content, film), "")
        self.wait_for(lambda: self.tracker.events, "announce")
        self.wait_for(lambda: "/content/film.mkv" in self.files.asked, "request to the web seed")
        status = (mount.mountpoint / ".btfs/status").read_text()
        self.assertIn(f"\nproxy: {proxy.url}", status)
        mount.stop()
        self.assertNotIn("sesame", mount.log())
        self.assertNotIn("sesame", status)
        return proxy

    def test_socks5(self):
        proxy = self.all_by_name("socks5")
        self.assertEqual(proxy.hosts("CONNECT"), {"files.example", "tracker.example", "peer.example"})
        self.assert_all_went_through(proxy)

        self.assertEqual(proxy.hosts("UDP") - {FAR}, {"router.example"})

    def test_udp_trackers_and_utp_go_over_the_relay(self):
        port = self.seed()
        self.make_torrent("--tracker", self.by_name(self.tracker.udp, "tracker"))
        # It says that its relay is where the default route leads to.
        proxy = Proxy(self, "socks5", "bound=10.77.2.2", *NAMES, address=FAR, machine=self.far)
        mount = self.mount(proxy.url, options=["--transport", "utp"], peers=[f"{FAR}:{port}"])
        mount.find("the proxy relays UDP")
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        self.wait_for(lambda: "started" in self.tracker.events, "announce")
        self.assertIn(f"\nproxy: {proxy.url}, TCP and UDP\n", (mount.mountpoint / ".btfs/status").read_text())
        self.assertEqual(proxy.hosts("CONNECT"), set())
        self.assertIn(("UDP", "address", FAR, str(port)), proxy.requests())
        mount.stop()
        self.assert_all_went_through(proxy)

    def test_the_dht_starts_from_a_name(self):
        self.make_torrent()
        self.far.make(self.serve_router)
        proxy = Proxy(self, "socks5", *NAMES, address=FAR, machine=self.far)
        mount = self.mount(proxy.url)
        self.wait_for(lambda: ("UDP", "address", FAR, "6881") in proxy.requests(), "query by the node's address", 40)
        mount.stop()
        self.assert_all_went_through(proxy)

    def serve_router(self):
        """A DHT node that knows nobody."""
        node = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        node.bind((FAR, 6881))
        self.addCleanup(node.close)

        def serve():
            while True:
                try:
                    query, sender = node.recvfrom(2048)
                except OSError:
                    return
                transaction = re.search(rb"1:t4:(....)", query, re.DOTALL)[1]
                node.sendto(b"d1:rd2:id20:abcdefghij01234567895:nodes0:5:token1:xe1:t4:" + transaction + b"1:y1:re",
                            sender)
        threading.Thread(target=serve, daemon=True).start()

    def test_after_a_change_of_networks_it_is_used_anew_at_once(self):
        port = self.seed()
        self.make_torrent()
        proxy = Proxy(self, "socks5", *NAMES, address=FAR, machine=self.far)
        mount = self.mount(proxy.url, peers=[f"peer.example:{port}"])
        mount.find("the proxy relays UDP")
        mount.find("connected to .* as ")
        began = time.monotonic()
        run("ip", "address", "add", "10.77.1.7/24", "dev", "right")
        run("ip", "address", "del", f"{US}/24", "dev", "right")
        run("ip", "address", "replace", "10.77.1.7/24", "dev", "right")
        self.wait_for(lambda: mount.log().count("the proxy relays UDP") == 2, "relay", 10)
        self.wait_for(lambda: len(re.findall("connected to .* as ", mount.log())) == 2, "peer", 10)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        self.assertLess(time.monotonic() - began, 10)

    def test_a_proxy_without_udp_is_told_of(self):
        port = self.seed()
        self.make_torrent("--tracker", self.by_name(self.tracker.udp, "tracker"))
        proxy = Proxy(self, "socks5", "no-udp", *NAMES, address=FAR, machine=self.far)
        mount = self.mount(proxy.url, peers=[f"peer.example:{port}"])
        mount.find("no UDP .the proxy does not support this.")
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        status = (mount.mountpoint / ".btfs/status").read_text()
        self.assertIn(f"\nproxy: {proxy.url}, TCP only: no DHT, no uTP, no UDP trackers\n", status)
        mount.stop()
        self.assert_all_went_through(proxy)

    def test_http(self):
        proxy = self.all_by_name("http")
        self.assertEqual(proxy.hosts("CONNECT"), {"peer.example"})
        self.assertEqual(proxy.hosts("GET"), {"files.example", "tracker.example"})
        self.assert_all_went_through(proxy)

    def test_a_tracker_is_told_a_port_and_its_peers_are_connected_to(self):
        port = self.seed("--tracker", self.tracker.http)
        self.wait_for(lambda: self.tracker.events, "announce of the seed")
        self.make_torrent("--tracker", self.tracker.http)  # of a name's tracker private addresses are not taken
        proxy = Proxy(self, "socks5", *NAMES, address=FAR, machine=self.far)
        mount = self.mount(proxy.url)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        self.assertIn(("CONNECT", "address", FAR, str(port)), proxy.requests())
        self.assert_all_went_through(proxy)

    def test_a_proxy_that_is_down_is_waited_for(self):
        port = self.seed()
        self.make_torrent("--tracker", self.by_name(self.tracker.http, "tracker"))
        mount = self.mount(f"socks5://{FAR}:1080", peers=[f"peer.example:{port}"])
        mount.find("the proxy cannot be reached")
        proxy = Proxy(self, "socks5", *NAMES, address=FAR, machine=self.far)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        mount.find("the proxy answers again")
        self.assert_all_went_through(proxy)

    def test_where_the_login_fails_nothing_goes_out(self):
        port = self.seed()
        self.make_torrent("--tracker", self.by_name(self.tracker.http, "tracker"))
        for kind, at in ("socks5", 1080), ("http", 3128):
            proxy = Proxy(self, kind, "login=me:sesame", *NAMES, address=FAR, port=at, machine=self.far)
            mount = self.mount(proxy.url.replace("//", "//me:wrong@"), peers=[f"peer.example:{port}"])
            mount.find("the proxy refuses the user name and password")
            mount.stop()
            self.assertEqual(proxy.requests(), [])
            self.assertNotIn("wrong", mount.log())
        self.assertEqual([p for p in self.captures["wrong"].packets if p.protocol in (TCP, UDP)], [])

    def test_the_password_stands_on_no_command_line(self):
        port = self.seed()
        self.make_torrent()
        proxy = Proxy(self, "socks5", "login=me:sesame", *NAMES, address=FAR, machine=self.far)
        url = proxy.url.replace("//", "//me:sesame@")
        file = self.folder / "proxy"
        file.write_text(url + "\n")
        self.assertIn("chmod 600", self.refused("--proxy-file", file))
        file.chmod(0o600)
        for number, (where, options) in enumerate(((("env", f"BTFS_PROXY={url}"), ()), ((), ("--proxy-file", file)))):
            with self.subTest(options=options):
                mount = btfs.Mount(self, self.folder / "content.torrent", options=options, where=where,
                                   cache=self.folder / f"cache.{number}", peers=[f"peer.example:{port}"])
                self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
                self.assertNotIn(b"sesame", Path(f"/proc/{mount.process.pid}/cmdline").read_bytes())
                mount.stop()
                self.assertNotIn("sesame", mount.log())
        self.assert_all_went_through(proxy)

    def refused(self, *options):
        """What btfs says when it refuses to mount with these options."""
        done = btfs.run("mount", "--cache-dir", self.folder / "cache", *options, self.folder / "content.torrent",
                        self.make_folder("refused"))
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def test_a_seed_connects_to_peers_through_it(self):
        proxy = Proxy(self, "socks5", *NAMES, address=FAR, machine=self.far)
        self.make_torrent()
        port = free_port()
        taker = self.start(self.far.words(
            btfs.path(), "mount", "-f", "--cache-dir", self.folder / "far-cache", "--port", port, "--background",
            *btfs.ALONE, self.folder / "content.torrent", self.make_folder("far")))
        self.wait_for(lambda: "listening on port" in taker.output.read_text(), "mount", 10)
        seed = btfs.Seed(self, self.content, self.folder / "seed.torrent", "--proxy", proxy.url, alone=False,
                         peers=[f"peer.example:{port}"])
        self.assertIn("nobody can connect to this seed", seed.log())
        self.assertNotIn("TCP only", seed.log())  # it is not known so soon
        self.assertEqual(differences(self.content, self.folder / "far/content"), "")
        self.assert_all_went_through(proxy)

    def make_folder(self, name):
        (self.folder / name).mkdir()
        return self.folder / name

    def test_what_cannot_be_used_is_refused_and_not_repeated(self):
        torrent = self.make_torrent()
        for url in "socks4://me:sesame@host:1", "socks5://me:sesame@host", "me:sesame":
            done = btfs.run("mount", "--proxy", url, torrent, self.folder)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("socks5://[USER:PASSWORD@]HOST:PORT", done.stderr)
            self.assertNotIn("sesame", done.stderr + done.stdout)


if __name__ == "__main__":
    main()
