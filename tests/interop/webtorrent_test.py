"""btfs and npm's webtorrent, and a DHT of its nodes."""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from interop.exchange import Exchange
from support import btfs, npm_programs
from support.content import differences, make_files
from support.harness import TestCase, end, free_port, main
from support.ipv6 import Ipv6Alone


def info_hash(torrent):
    return re.search(r"info-hash: +([0-9a-f]{40})", btfs.run("info", torrent).stdout)[1]


class WebTorrentRunner:
    transport = "tcp"

    def run_webtorrent(self, source, folder):
        port = free_port()
        self.webtorrent = npm_programs.Program(self, "webtorrent.mjs", port, folder, source,
                                               self.transport)
        self.wait_for_port(port, self.webtorrent.process)
        return port

    def finish(self):
        self.webtorrent.wait_for("done")
        end(self.webtorrent.process)


class WebTorrent(WebTorrentRunner, Exchange, TestCase):
    def seed(self, torrent, parent):
        port = self.run_webtorrent(torrent, parent)
        self.webtorrent.wait_for("done")
        return port

    def leech(self, torrent, parent):
        return self.run_webtorrent(torrent, parent)

    def connect(self, port):
        self.webtorrent.tell(f"127.0.0.1:{port}")

    def test_a_magnet_is_mounted_with_its_metadata(self):
        btfs.create(self, self.content, self.torrent)
        port = self.seed(self.torrent, self.content.parent)
        mount = btfs.Mount(self, f"magnet:?xt=urn:btih:{info_hash(self.torrent)}&x.pe=127.0.0.1:{port}")
        self.wait_for(lambda: (mount.mountpoint / "content").exists(), "the files", 10)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")


class Metadata(WebTorrentRunner, TestCase):
    def test_is_got_from_us_and_then_everything(self):
        content = make_files(self.folder / "from" / "content", {"film.mkv": 1_000_001})
        torrent = self.folder / "content.torrent"
        btfs.create(self, content, torrent)
        seed = btfs.Seed(self, content, torrent)
        self.run_webtorrent(f"magnet:?xt=urn:btih:{info_hash(torrent)}&x.pe={self.at(seed.port)}", self.folder / "to")
        self.assertEqual(self.webtorrent.wait_for("metadata"), ["content"])
        self.finish()
        self.assertEqual(differences(content, self.folder / "to" / "content"), "")


class MetadataOverIpv6(Ipv6Alone, Metadata):
    pass


class Dht(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "content", {"film.mkv": 1_000_001})
        self.torrent = self.folder / "content.torrent"
        self.dht = npm_programs.Program(self, "dht.mjs", 12)
        self.router = f"127.0.0.1:{self.dht.wait_for('router')[0]}"

    def test_a_seed_is_found_from_the_name_alone(self):
        seed = btfs.Seed(self, self.content, self.torrent)
        name = info_hash(self.torrent)
        self.dht.tell(f"announce {name} {seed.port}")
        self.dht.wait_for("announced")
        mount = btfs.Mount(self, name, options=["--dht-bootstrap", self.router, "--no-lsd", "--no-pex"], alone=False)
        self.wait_for(lambda: (mount.mountpoint / "content").exists(), "the files", 20)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")

    def test_our_seed_is_found_there(self):
        seed = btfs.Seed(self, self.content, self.torrent, "--dht-bootstrap", self.router, "--no-lsd", alone=False)

        def found():
            self.dht.tell(f"look_up {info_hash(self.torrent)}")
            return f"127.0.0.1:{seed.port}" in self.dht.said("peer")
        self.wait_for(found, "peer in the DHT", 20)


if __name__ == "__main__":
    main(missing=npm_programs.missing)
