"""First byte of a read in the last of many torrents, against the same with that torrent alone.

    /usr/bin/python3 -B tests/bench/many_torrents.py BTFS [COUNT [ROUNDS]]

Each torrent has a tracker of a name of its own. The name server answers after 20 ms, the trackers after 50 ms, each with
twenty peers that never answer; the last torrent's tracker names a seed among them. All in namespaces of its own."""
import hashlib
import http.server
import os
import re
import socket
import statistics
import struct
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs, harness
from support.content import make_files
from support.harness import TestCase, free_port
from support.machine import Machine, run

COUNT = int(os.environ.get("COUNT", "500"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
DEAD = 20  # peers of each torrent that never answer
DNS_DELAY, TRACKER_DELAY = 0.02, 0.05
TRACKERS = "127.0.0.2"


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, list):
        return b"l%be" % b"".join(map(bencode, value))
    return b"d%be" % b"".join(bencode(key) + bencode(value[key]) for key in sorted(value))


def serve_names(test):
    """Every name is the trackers' address."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    test.addCleanup(server.close)

    def answer(question, sender):
        time.sleep(DNS_DELAY)
        end = question.index(b"\0", 12) + 5
        kind = struct.unpack(">H", question[end - 4:end - 2])[0]
        found = kind == 1
        header = question[:2] + struct.pack(">HHHHH", 0x8180, 1, found, 0, 0)
        record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(TRACKERS) if found else b""
        try:
            server.sendto(header + question[12:end] + record, sender)
        except OSError:
            pass

    def serve():
        while True:
            try:
                question, sender = server.recvfrom(2048)
            except OSError:
                return
            threading.Thread(target=answer, args=(question, sender), daemon=True).start()
    threading.Thread(target=serve, daemon=True).start()


def serve_trackers(test, peers_of_host):
    class Announce(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(TRACKER_DELAY)
            peers = peers_of_host(self.headers["Host"].partition(":")[0])
            answer = b"d8:intervali1800e5:peers%d:%be" % (len(peers), peers)
            try:
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                pass

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 1024
        daemon_threads = True

    server = Server((TRACKERS, 80), Announce)
    test.addCleanup(server.server_close)
    test.addCleanup(server.shutdown)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class ManyTorrents(TestCase):
    def test_first_byte(self):
        # A machine that forwards nothing: packets to the peers behind it vanish.
        Machine(self, "nowhere", "10.98.0.1/24", "10.98.0.2/24")
        run("ip", "route", "add", "10.99.0.0/16", "via", "10.98.0.2")
        servers = self.folder / "resolv.conf"
        servers.write_text("nameserver 127.0.0.1\n")
        run("mount", "--bind", str(servers), "/etc/resolv.conf")
        self.addCleanup(run, "umount", "/etc/resolv.conf")

        content = make_files(self.folder / "from" / "last", {"film": 8 << 20})
        plain = self.folder / "plain.torrent"
        seed_port = free_port()
        btfs.Seed(self, content, plain, port=seed_port)
        folder, alone = self.folder / "many", self.folder / "one"
        folder.mkdir()
        alone.mkdir()
        pieces = hashlib.sha1(bytes(16384)).digest()
        for i in range(COUNT - 1):
            info = {b"length": 16384, b"name": b"other-%04d" % i, b"piece length": 16384, b"pieces": pieces}
            (folder / f"{i:04}.torrent").write_bytes(
                bencode({b"announce": b"http://tracker-%04d.test/announce" % i, b"info": info}))
        announce = b"http://tracker-last.test/announce"
        last = b"d" + bencode(b"announce") + bencode(announce) + plain.read_bytes()[1:]
        for where in folder, alone:
            (where / "zzz.torrent").write_bytes(last)

        dead = [socket.inet_aton(f"10.99.{i // 200 + 1}.{i % 200 + 1}") + struct.pack(">H", 6881)
                for i in range(COUNT * DEAD)]
        seed = socket.inet_aton("127.0.0.1") + struct.pack(">H", seed_port)

        def peers_of_host(host):
            number = re.search(r"tracker-(\d+)", host)
            at = DEAD * int(number[1]) if number else DEAD * (COUNT - 1)
            return b"".join(dead[at:at + DEAD]) + (b"" if number else seed)
        serve_names(self)
        serve_trackers(self, peers_of_host)

        results = {}
        for _ in range(ROUNDS):
            for name, where in (("one", alone), ("many", folder)):
                results.setdefault(name, []).append(self.first_byte(where))
        one, many = (statistics.median(results[name]) for name in ("one", "many"))
        print(f"\nfirst byte with 1 torrent: {[round(s, 3) for s in results['one']]} s, median {one:.3f}"
              f"\nin the last of {COUNT}: {[round(s, 3) for s in results['many']]} s, median {many:.3f},"
              f" {many / one:.2f} x", flush=True)

    def first_byte(self, torrents):
        self.round = getattr(self, "round", 0) + 1
        cache = self.folder / f"cache.{self.round}"
        mount = btfs.Mount(self, *sorted(torrents.iterdir()), cache=cache, alone=False,
                           options=("--no-dht", "--no-lsd", "--no-pex", "--no-portmap"))
        began = time.monotonic()
        with open(mount.mountpoint / "last" / "film", "rb", buffering=0) as film:
            os.pread(film.fileno(), 1, 4 << 20)
        took = time.monotonic() - began
        mount.stop()
        return took


if __name__ == "__main__":
    if len(sys.argv) > 2:
        os.environ["COUNT"] = sys.argv[2]
    if len(sys.argv) > 3:
        os.environ["ROUNDS"] = sys.argv[3]
    del sys.argv[2:]
    COUNT, ROUNDS = int(os.environ.get("COUNT", "500")), int(os.environ.get("ROUNDS", "3"))
    harness.main()
