"""What must not leave the machine: of a private torrent anything but to its trackers and their peers, its hash in clear
where encryption is required, and with --bind anything at all over another interface."""
import base64
import json
import socket
import subprocess
import sys
import threading
import urllib.parse
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.capture import Capture, TCP, UDP, is_dht, is_lsd, offers_pex
from support.content import differences, make_files
from support.harness import TestCase, free_port, main
from support.machine import Machine, run


REQUIRE = ("--encryption", "require")
ICMPV6 = 58


class Private(TestCase):
    """Over loopback and with all that finds peers switched on; a DHT node to start from is there."""

    def traffic_of(self, *options):
        """The mount, after it has read all, and all packets meanwhile."""
        from support.libtorrent_dht import Dht
        content = make_files(self.folder / "content", {"film.mkv": 500_000})
        torrent = btfs.create(self, content, self.folder / "content.torrent", *options)
        seed = btfs.Seed(self, content, self.folder / "seed.torrent", *options)
        dht = Dht(self, count=8)
        capture = Capture(self, "lo")
        mount = btfs.Mount(self, torrent, peers=[seed.port], options=["--dht-bootstrap", dht.router], alone=False)
        self.assertEqual(differences(content, mount.mountpoint / "content"), "")
        return mount, capture

    def test_a_public_torrent_is_told_of(self):
        mount, capture = self.traffic_of()
        self.wait_for(lambda: capture.of(mount.port, is_dht), "DHT packet", 20)
        self.wait_for(lambda: capture.of(mount.port, offers_pex) or self.offers(capture), "offer of PEX", 20)
        self.wait_for(lambda: [p for p in list(capture.packets) if is_lsd(p)], "LSD packet", 20)

    def offers(self, capture):
        return [p for p in list(capture.packets) if offers_pex(p)]

    def test_of_a_private_one_nobody_hears(self):
        mount, capture = self.traffic_of("--private")
        self.watch(3)
        self.assertTrue([p for p in list(capture.packets) if p.protocol == TCP and len(p.payload) > 10_000])
        self.assertEqual(capture.of(mount.port, is_dht), [])
        self.assertEqual([p for p in list(capture.packets) if is_lsd(p)], [])
        self.assertEqual(self.offers(capture), [])

    def watch(self, seconds):
        import time
        time.sleep(seconds)  # for what should not come there is nothing to wait for


class HashInClear(TestCase):
    """A private torrent, and all that finds peers switched on. Its peers: a seed that encrypts, a client that does not, and
    hosts that take connections and say nothing, or garbage."""

    ANSWERS = (b"", b"x" * 700)

    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "content", {"film.mkv": 500_000})
        self.torrent = btfs.create(self, self.content, self.folder / "content.torrent", "--private")
        info = json.loads(btfs.run("info", "--json", self.torrent).stdout)
        self.info_hash = bytes.fromhex(info["info_hash_v1"])
        self.calls = []

    def ways_to_write_it(self):
        hex_digits, base32 = self.info_hash.hex().encode(), base64.b32encode(self.info_hash)
        return {"raw": self.info_hash, "hex": hex_digits, "HEX": hex_digits.upper(), "base32": base32,
                "lower base32": base32.lower(), "URL": urllib.parse.quote_from_bytes(self.info_hash).encode(),
                "url": urllib.parse.quote_from_bytes(self.info_hash).lower().encode()}

    def stranger(self, answer):
        """The port of a host that answers each connection with these bytes, reads for a moment and hangs up."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)

        def serve():
            while True:
                try:
                    peer, _ = listening.accept()
                except OSError:
                    return
                with peer:
                    self.calls.append(answer)
                    peer.settimeout(0.5)
                    try:
                        peer.sendall(answer)
                        while peer.recv(4096):
                            pass
                    except OSError:
                        pass
        threading.Thread(target=serve, daemon=True).start()
        return listening.getsockname()[1]

    def plain_client(self):
        """Of all that libtorrent does with the torrent nothing is encrypted."""
        from support.libtorrent_peer import Peer
        disabled = {"in_enc_policy": 2, "out_enc_policy": 2}
        return Peer(self, self.torrent, self.folder, enable_incoming_utp=True, **disabled).wait_for_seeding()

    def come_in(self, mount):
        """Strangers that dial us, and greet with what is no torrent of ours."""
        for greeting in (b"\x13BitTorrent protocol" + bytes(8) + b"h" * 20 + b"-XX0000-" + bytes(12), b"x" * 200, b""):
            with socket.create_connection(("127.0.0.1", mount.port), 5) as peer:
                peer.sendall(greeting)
                peer.settimeout(0.5)
                try:
                    while peer.recv(4096):
                        pass
                except OSError:
                    pass

    def streams(self, capture):
        """All that was said, by sender and receiver; what uTP carries without its headers, and once with them."""
        whole, inside = defaultdict(bytearray), defaultdict(bytearray)
        for packet in list(capture.packets):
            key = packet.protocol, packet.source_port, packet.target_port
            whole[key] += packet.payload
            if packet.protocol == UDP and len(packet.payload) > 20:
                inside[key] += packet.payload[20:]
        return [bytes(stream) for stream in (*whole.values(), *inside.values())]

    def said_in_clear(self, *options, tries):
        """How the hash was written in what went over loopback, until tries(mount) says that all were dialled twice."""
        from support.libtorrent_dht import Dht
        dht = Dht(self, count=1)
        seed = btfs.Seed(self, self.content, self.folder / "seed.torrent", "--private", *options)
        strangers = [self.stranger(answer) for answer in self.ANSWERS]
        self.plain = self.plain_client()
        capture = Capture(self, "lo")
        mount = btfs.Mount(self, self.torrent, peers=[*strangers, self.plain.port, seed.port], alone=False,
                           options=["--dht-bootstrap", dht.router, *options])
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        self.come_in(mount)
        self.wait_for(lambda: tries(mount) >= 2, "second try of those that refused")
        mount.stop()
        streams = self.streams(capture)
        self.assertGreater(sum(map(len, streams)), 500_000)
        return {name for name, words in self.ways_to_write_it().items() if any(words in stream for stream in streams)}

    def tries_of_strangers(self, _mount):
        return min(self.calls.count(answer) for answer in self.ANSWERS)

    def tries_of_plain_client(self, mount):
        return mount.log().count(f"cannot connect to 127.0.0.1:{self.plain.port}: encryption was refused")

    def test_where_encryption_is_required_it_is_never_sent(self):
        self.assertEqual(self.said_in_clear(*REQUIRE, tries=self.tries_of_strangers), set())

    def test_over_utp_it_is_never_sent_either(self):
        self.assertEqual(self.said_in_clear(*REQUIRE, "--transport", "utp", tries=self.tries_of_plain_client), set())

    def test_else_it_is(self):
        self.assertEqual(self.said_in_clear(tries=self.tries_of_strangers), {"raw"})


class Bind(TestCase):
    """Two networks, each with a machine behind it; the default routes lead over the wrong one."""

    def setUp(self):
        super().setUp()
        self.right = Machine(self, "right", "10.77.1.1/24", "10.77.1.2/24")
        self.wrong = Machine(self, "wrong", "10.77.2.1/24", "10.77.2.2/24")
        run("ip", "address", "add", "fd77:1::1/64", "dev", "right", "nodad")
        run("ip", "address", "add", "fd77:2::1/64", "dev", "wrong", "nodad")
        run("ip", "route", "add", "default", "via", "10.77.2.2")
        run("ip", "route", "add", "default", "via", "fd77:2::2")
        self.content = make_files(self.folder / "content", {"film.mkv": 500_000})
        self.torrent = btfs.create(self, self.content, self.folder / "content.torrent",
                                   "--tracker", "http://10.77.2.2:6969/announce",
                                   "--tracker", "udp://tracker.example:6969/announce",
                                   "--tracker", "http://[fd77:2::2]:6969/announce",
                                   "--tracker", "udp://10.77.2.2:6969/announce",
                                   "--web-seed", "http://10.77.2.2:8000/", "--web-seed", "http://web.example/")
        own = self.folder / "resolv.conf"
        own.write_text("nameserver 10.77.2.2\n")
        subprocess.run(["mount", "--bind", own, "/etc/resolv.conf"], check=True)
        self.addCleanup(subprocess.run, ["umount", "/etc/resolv.conf"], check=True)

    def seed_at_the_right(self):
        port = free_port()
        process = self.start(self.right.words(btfs.path(), "seed", self.content, "-o", self.folder / "seed.torrent",
                                              "--port", port, *btfs.ALONE))
        self.wait_for(lambda: "peer:" in process.output.read_text(), "seed", 10)
        return port

    def strays(self, capture):
        """But for what the kernel says of the interface itself."""
        groups = [socket.inet_pton(socket.AF_INET6, "ff15::efc0:988f"), socket.inet_aton("239.192.152.143")]  # of LSD
        return [p for p in list(capture.packets)
                if p.source in ("10.77.2.1", "fd77:2::1") and p.protocol != ICMPV6 or p.protocol in (TCP, UDP)
                or any(group in bytes(p.payload) for group in groups)]

    def bound(self, where):
        port = self.seed_at_the_right()
        mount = btfs.Mount(self, self.torrent, alone=False,
                           peers=[f"10.77.1.2:{port}", "10.77.2.2:6881", "[fd77:2::2]:6881", "peer.example:6881"],
                           options=["--bind", where, "--dht-bootstrap", "10.77.2.2:6881",
                                    "--dht-bootstrap", "[fd77:2::2]:6881", "--dht-bootstrap", "router.example:6881"])
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        return mount

    def test_everything_goes_over_the_interface_or_nowhere(self):
        capture = Capture(self, "wrong")
        mount = self.bound("right")
        run("ip", "link", "set", "right", "down")  # as a VPN goes away
        with self.assertRaises(subprocess.TimeoutExpired):
            mount.process.wait(3)
        mount.stop()
        self.assertEqual(self.strays(capture), [])

    def test_an_address_means_its_interface(self):
        capture = Capture(self, "wrong")
        self.bound("10.77.1.1").stop()
        self.assertEqual(self.strays(capture), [])

    URLS = ("http://10.77.2.2:8000/a.torrent", "http://web.example/b.torrent")

    def test_a_torrents_url_is_no_way_around_it(self):
        capture = Capture(self, "wrong")
        mount = btfs.Mount(self, *self.URLS, options=["--bind", "right"])
        mount.find("a.torrent: No route to host")
        self.assertEqual(self.strays(capture), [])

    def test_nobody_is_answered_over_the_wrong_interface(self):
        for where in ("right", "10.77.1.1"):
            with self.subTest(where):
                mount = btfs.Mount(self, self.torrent, alone=False, options=["--bind", where, "--dht-bootstrap", "10.77.1.2:9"],
                                   cache=self.folder / f"cache.{where}")
                self.assert_answers_from("right", mount, True)
                self.assert_answers_from("wrong", mount, False)
                mount.stop()

    def assert_answers_from(self, cable, mount, answers):
        """A machine asks our address at the right, over TCP, uTP and the DHT; what the kernel refuses is no answer."""
        machine, gateway = (self.right, "10.77.1.1") if cable == "right" else (self.wrong, "10.77.2.1")
        run(*machine.words("ip", "route", "replace", "10.77.1.1/32", "via", gateway, "onlink", "dev", f"{cable}-far"))
        capture = Capture(self, cable)
        said = subprocess.run(machine.words(sys.executable, "-c", self.ASKING, "10.77.1.1", str(mount.port)), text=True,
                              capture_output=True, timeout=20)
        self.assertEqual(said.stdout.split(), ["tcp", "utp", "dht"] if answers else [], said.stderr)
        if not answers:
            self.assertEqual(capture.of(mount.port, lambda p: p.protocol == UDP or p.payload), [])

    # Says what was answered within a second each.
    ASKING = """
import socket, struct, sys
to = sys.argv[1], int(sys.argv[2])
try:
    socket.create_connection(to, 1).close()
    print("tcp")
except OSError:
    pass
syn = struct.pack(">BBHIIIHH", 0x41, 0, 777, 1, 0, 1 << 20, 1, 0)
ping = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"
for name, question in ("utp", syn), ("dht", ping):
    with socket.socket(type=socket.SOCK_DGRAM) as asking:
        asking.settimeout(1)
        asking.sendto(question, to)
        try:
            asking.recv(2000)
            print(name)
        except OSError:
            pass
"""

    def test_without_it_torrents_and_names_are_asked_for_the_wrong_way(self):
        capture = Capture(self, "wrong")
        btfs.Mount(self, *self.URLS)
        self.wait_for(lambda: {8000, 53} <= {p.target_port for p in self.strays(capture)}, "packets there", 10)

    def test_without_it_the_wrong_way_is_taken(self):
        capture = Capture(self, "wrong")
        btfs.Mount(self, self.torrent, peers=["10.77.2.2:6881"])
        self.wait_for(lambda: self.strays(capture), "packet there", 10)


if __name__ == "__main__":
    main(modules=["libtorrent"])
