"""btfs and clients that insist on encryption (MSE), and btfs that insists on it."""
import json
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from interop import aria2_test, libtorrent_test, qbittorrent_test, rtorrent_test, transmission_test
from interop.exchange import Exchange
from support import btfs
from support.content import differences, make_files
from support.harness import TestCase, free_port, main

# libtorrent's settings.
FORCED, ENABLED, DISABLED = 0, 1, 2
PLAINTEXT, RC4, BOTH = 1, 2, 3
REQUIRE = ("--encryption", "require")


def policy(which, level):
    return {"out_enc_policy": which, "in_enc_policy": which, "allowed_enc_level": level}


class WithLibtorrent(Exchange):
    settings = {}
    seed = libtorrent_test.Libtorrent.seed
    leech = libtorrent_test.Libtorrent.leech
    connect = libtorrent_test.Libtorrent.connect
    finish = libtorrent_test.Libtorrent.finish

    def start_peer(self, torrent, parent):
        from support.libtorrent_peer import Peer
        return Peer(self, torrent, parent, **self.settings)


class LibtorrentRc4(WithLibtorrent, TestCase):
    settings = policy(FORCED, RC4)


class LibtorrentHeaderOnly(WithLibtorrent, TestCase):
    settings = policy(FORCED, PLAINTEXT)


class Required(WithLibtorrent, TestCase):
    """Of btfs."""
    settings = policy(ENABLED, BOTH)
    btfs_options = REQUIRE


class Preferred(WithLibtorrent, TestCase):
    settings = policy(DISABLED, BOTH)
    btfs_options = ("--encryption", "prefer")


class Off(WithLibtorrent, TestCase):
    settings = policy(ENABLED, BOTH)
    btfs_options = ("--encryption", "off")


class Transmission(transmission_test.Transmission):
    encryption = 2  # required
    test_what_it_left_unfinished_is_adopted_and_seeded_back = None
    test_reads_its_torrents = None
    test_gets_everything_from_a_mount_that_has_read_it = None
    test_gets_the_metadata_and_then_everything_from_us = None
    test_gets_the_metadata_and_then_everything_from_us_over_ipv6 = None

    def wait_for_handshake(self, port, torrent):
        """Until it says that it takes peers; it would hang up on a plain handshake. Where it is too early, btfs dials
        again."""
        self.wait_for(lambda: self.rpc("torrent-get", fields=["status"])["torrents"][0]["status"] in (4, 6),
                      "running torrent in Transmission")


class Qbittorrent(qbittorrent_test.Qbittorrent):
    encryption = 1  # required
    test_what_it_left_unfinished_is_adopted_and_seeded_back = None


class RTorrent(rtorrent_test.RTorrent):
    encryption = "allow_incoming,try_outgoing,require,require_RC4"
    test_gets_a_part_from_a_mount_that_has_no_more = None
    test_sends_the_rest_to_a_mount_that_has_a_part = None  # it looks for a single connection


class Aria2(aria2_test.Aria2):
    options = ("--bt-require-crypto=true", "--bt-min-crypto-level=arc4")
    test_what_it_left_unfinished_is_adopted_and_seeded_back = None


class Refusals(TestCase):
    """Of whom the rule forbids: not a byte of content, and not a byte that names the torrent."""

    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content", {"film.mkv": 300_000})
        self.torrent = self.folder / "content.torrent"
        btfs.create(self, self.content, self.torrent, "--private")
        info = json.loads(btfs.run("info", "--json", self.torrent).stdout)
        self.info_hash = bytes.fromhex(info["info_hash_v1"])
        self.handshake = b"\x13BitTorrent protocol" + bytes(8) + self.info_hash + b"-XX0000-" + bytes(12)

    def listen(self):
        listening = socket.create_server((self.here, 0))
        listening.settimeout(20)
        self.addCleanup(listening.close)
        return listening

    def hang_up_on(self, listening):
        """Accepts a connection and ends it: what came first, and when."""
        with listening.accept()[0] as peer:
            peer.settimeout(10)
            said = peer.recv(4096)
            return said, time.monotonic()

    def libtorrent(self, which, parent):
        from support.libtorrent_peer import Peer
        return Peer(self, self.torrent, parent, **policy(which, BOTH))

    def test_a_peer_that_hangs_up_on_a_plain_dial_is_dialled_encrypted_at_once(self):
        listening = self.listen()
        btfs.Mount(self, self.torrent, peers=[listening.getsockname()[1]])
        first, when = self.hang_up_on(listening)
        self.assertTrue(first.startswith(self.handshake[:20]), first)
        second, later = self.hang_up_on(listening)
        self.assertFalse(second.startswith(self.handshake[:20]), second)
        self.assertGreaterEqual(len(second), 96)
        self.assertNotIn(self.info_hash, second)
        self.assertLess(later - when, 2)

    def test_where_it_is_required_no_stranger_is_told_the_torrent(self):
        listening = self.listen()
        btfs.Mount(self, self.torrent, peers=[listening.getsockname()[1]], options=REQUIRE)
        for _ in range(2):  # the second one comes when the peer is tried again
            said, _when = self.hang_up_on(listening)
            self.assertGreaterEqual(len(said), 96)
            self.assertFalse(said.startswith(self.handshake[:20]), said)
            self.assertNotIn(self.info_hash, said)

    def test_where_it_is_required_a_plain_peer_gets_no_answer(self):
        seed = btfs.Seed(self, self.content, self.torrent, "--private", *REQUIRE)
        with socket.create_connection((self.here, seed.port), 10) as peer:
            peer.sendall(self.handshake)
            self.assertEqual(self.all_from(peer), b"")
        seed.find("came in: encryption was refused", 10)

    def test_where_it_is_off_an_encrypted_peer_gets_no_answer(self):
        seed = btfs.Seed(self, self.content, self.torrent, "--private", "--encryption", "off")
        with socket.create_connection((self.here, seed.port), 10) as peer:
            peer.sendall(b"\x80" + bytes(95))
            self.assertEqual(self.all_from(peer), b"")
        seed.find("came in: encryption was refused", 10)

    def test_bad_keys_and_endless_pads_end_the_connection(self):
        seed = btfs.Seed(self, self.content, self.torrent, "--private")
        for key in (bytes(96), bytes(95) + b"\x01", b"\xff" * 96):
            with socket.create_connection((self.here, seed.port), 10) as peer:
                peer.sendall(key)
                self.assertEqual(self.all_from(peer), b"")
        with socket.create_connection((self.here, seed.port), 10) as peer:
            peer.sendall(bytes(95) + b"\x02")
            said = peer.recv(4096)
            self.assertGreaterEqual(len(said), 96)
            self.assertLessEqual(len(said), 96 + 512)
            peer.sendall(b"x" * 532)
            self.assertEqual(self.all_from(peer), b"")
        seed.find("came in: malformed encryption handshake", 10)

    @staticmethod
    def all_from(peer):
        said = b""
        try:
            while more := peer.recv(4096):
                said += more
        except ConnectionResetError:
            pass
        return said

    def test_btfs_that_requires_it_and_a_plain_client_exchange_nothing(self):
        peer = self.libtorrent(DISABLED, self.content.parent).wait_for_seeding()
        mount = btfs.Mount(self, self.torrent, peers=[peer.port], options=REQUIRE)
        mount.find("encryption was refused", 15)
        self.assertEqual(peer.uploaded(), 0)
        mount.stop()
        target = self.folder / "to"
        target.mkdir()
        seed = btfs.Seed(self, self.content, self.torrent, "--private", *REQUIRE)
        leecher = self.libtorrent(DISABLED, target)
        leecher.connect(seed.port)
        seed.find("came in: encryption was refused", 15)
        self.assertEqual(leecher.handle.status().total_payload_download, 0)

    def test_btfs_without_it_and_a_client_that_insists_exchange_nothing(self):
        peer = self.libtorrent(FORCED, self.content.parent).wait_for_seeding()
        mount = btfs.Mount(self, self.torrent, peers=[peer.port], options=("--encryption", "off"))
        mount.find("connection 2 has ended", 15)  # each way to greet was tried
        self.assertEqual(peer.uploaded(), 0)

    def test_two_btfs_that_require_it(self):
        seed = btfs.Seed(self, self.content, self.torrent, "--private", *REQUIRE)
        mount = btfs.Mount(self, self.torrent, peers=[seed.port], options=REQUIRE)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        mount.find("connected to .*, encrypted")


if __name__ == "__main__":
    main(programs=["transmission-daemon", "qbittorrent-nox", "rtorrent", "aria2c"], modules=["libtorrent"])
