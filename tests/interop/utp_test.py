"""btfs and clients to which TCP does not get: all goes over uTP, plain or encrypted."""
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from interop import qbittorrent_test, webtorrent_test
from interop.encryption_test import FORCED, RC4, REQUIRE, WithLibtorrent, policy
from interop.libtorrent_test import OVER_UTP
from support import npm_programs
from support.firewall import Firewall
from support.harness import TestCase, main


class OverUtp:
    """Mixed into an Exchange, before it: btfs dials by default over TCP and uTP, and the firewall refuses TCP."""

    test_gets_everything_from_a_mount_that_has_read_it = None
    test_what_it_left_unfinished_is_adopted_and_seeded_back = None

    def setUp(self):
        super().setUp()
        self.firewall = Firewall(self)
        self.began = time.monotonic()

    def seed(self, torrent, parent):
        return self.without_tcp(super().seed(torrent, parent))

    def leech(self, torrent, parent):
        return self.without_tcp(super().leech(torrent, parent))

    def without_tcp(self, port):
        self.firewall.refuse_tcp(port)
        self.began = time.monotonic()
        return port

    def connect(self, port):
        self.firewall.refuse_tcp(port)
        super().connect(port)

    def tearDown(self):
        print(f"{time.monotonic() - self.began:.2f} s ", end="", flush=True)
        super().tearDown()


class LibtorrentEncrypted(OverUtp, WithLibtorrent, TestCase):
    settings = {**OVER_UTP, **policy(FORCED, RC4)}
    btfs_options = REQUIRE


class Qbittorrent(OverUtp, qbittorrent_test.Qbittorrent):
    protocol = "UTP"


class QbittorrentEncrypted(Qbittorrent):
    encryption = 1  # required
    btfs_options = REQUIRE


class WebTorrent(OverUtp, webtorrent_test.WebTorrent):
    transport = "utp"
    test_a_magnet_is_mounted_with_its_metadata = None

    def setUp(self):
        if why := npm_programs.lacks_utp():
            self.lacks(why)
        super().setUp()


if __name__ == "__main__":
    main(programs=["qbittorrent-nox"], modules=["libtorrent"])
