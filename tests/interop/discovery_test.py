"""Peers that nobody named: by peer exchange (BEP 11) and local discovery (BEP 14), with libtorrent on the other side;
and private torrents (BEP 27), for which there is neither."""
import re
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import differences, make_files
from support.harness import TestCase, free_port, main
from support.ipv6 import Ipv6Alone
from support.machine import Machine

PEX_ALONE = ("--no-dht", "--no-lsd", "--no-portmap")
LSD_ALONE = ("--no-dht", "--no-pex", "--no-portmap")
GROUP, PORT = "239.192.152.143", 6771
CONTENT = {"film.mkv": 5_000_001, "notes.txt": 33_333}
# Seconds of waiting for a peer that must not be found; one that is looked for is found in five.
NOT_FOUND_WITHIN = 7


class Discovery(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "from" / "content", CONTENT)
        self.torrent = self.folder / "content.torrent"
        self.target = self.folder / "to"
        self.target.mkdir()

    def libtorrent(self, save_path, **settings):
        from support.libtorrent_peer import Peer
        return Peer(self, self.torrent, save_path, **settings)

    def libtorrent_seed(self, **settings):
        return self.libtorrent(self.content.parent, **settings).wait_for_seeding()

    def info_hash(self, torrent=None):
        import libtorrent as lt
        return str(lt.torrent_info(str(torrent or self.torrent)).info_hash())

    def assert_all_is_read(self, mount):
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")

    def wait_for_connection(self, mount, port, seconds=30):
        mount.find(re.escape(f"connected to {self.at(port)} as"), seconds)

    def seed_and_who_knows_it(self):
        """A seed that dials nobody, and a peer that is connected to it and has next to nothing."""
        btfs.create(self, self.content, self.torrent)
        seed = self.libtorrent_seed(enable_outgoing_tcp=False)
        middle = self.libtorrent(self.target)
        middle.handle.set_download_limit(1000)
        middle.connect(seed.port)
        # Until then libtorrent does not tell of it, and after its first message not for a minute.
        self.wait_for(lambda: any(peer.client for peer in middle.handle.get_peer_info()), "handshake of the two")
        return seed, middle


class PeerExchange(Discovery):
    def test_a_seed_is_found_through_a_peer_that_has_nothing(self):
        seed, middle = self.seed_and_who_knows_it()
        mount = btfs.Mount(self, self.torrent, peers=[middle.port], options=PEX_ALONE, alone=False)
        self.wait_for_connection(mount, seed.port, NOT_FOUND_WITHIN)
        self.assert_all_is_read(mount)
        self.assertGreater(seed.uploaded(), 4_900_000)

    def test_a_magnet_finds_the_seed_through_a_peer_that_has_the_metadata(self):
        import libtorrent as lt
        seed, middle = self.seed_and_who_knows_it()
        magnet = lt.make_magnet_uri(lt.torrent_info(str(self.torrent)))
        mount = btfs.Mount(self, magnet, peers=[middle.port], options=PEX_ALONE, alone=False)
        self.wait_for(lambda: (mount.mountpoint / "content").exists(), "the files", 10)
        self.assert_all_is_read(mount)
        self.assertGreater(seed.uploaded(), 4_900_000)

    def test_libtorrent_finds_a_seed_through_us(self):
        btfs.create(self, self.content, self.torrent)
        seed = self.libtorrent_seed()
        mount = btfs.Mount(self, self.torrent, peers=[seed.port], options=PEX_ALONE, alone=False)
        self.wait_for_connection(mount, seed.port)
        leecher = self.libtorrent(self.target)
        leecher.connect(mount.port)
        leecher.wait_for_seeding()
        self.assertEqual(differences(self.content, self.target / "content"), "")
        self.assertGreater(seed.uploaded(), 4_900_000)


class PeerExchangeOverIpv6(Ipv6Alone, PeerExchange):
    pass


class NoPeerExchange(Discovery):
    def test_a_seed_that_only_a_peer_knows_is_not_found(self):
        seed, middle = self.seed_and_who_knows_it()
        mount = btfs.Mount(self, self.torrent, peers=[middle.port])
        mount.find(f"connected to 127.0.0.1:{middle.port} as")
        time.sleep(NOT_FOUND_WITHIN)
        self.assertNotIn(f"connected to 127.0.0.1:{seed.port} as", mount.log())


class LocalDiscovery(Discovery):
    # So many datagrams in the first seconds, and then none for minutes.
    LIBTORRENT_ANNOUNCES = 3

    def test_a_mount_hears_of_a_seed_that_comes_later(self):
        btfs.create(self, self.content, self.torrent)
        mount = btfs.Mount(self, self.torrent, options=LSD_ALONE, alone=False)
        seed = self.libtorrent_seed(enable_lsd=True)
        mount.find(f"LSD: 127.0.0.1:{seed.port} has {self.info_hash()}", 15)
        self.assert_all_is_read(mount)

    def test_a_seed_that_was_there_hears_of_the_mount(self):
        btfs.create(self, self.content, self.torrent)
        group = self.listen()
        seed = self.libtorrent_seed(enable_lsd=True)
        self.heard(group, f"Port: {seed.port}", self.LIBTORRENT_ANNOUNCES, 20)
        mount = btfs.Mount(self, self.torrent, options=LSD_ALONE, alone=False)
        self.assert_all_is_read(mount)
        self.assertNotIn("LSD: 127.0.0.1", mount.log())

    def test_libtorrent_finds_our_seed(self):
        btfs.create(self, self.content, self.torrent)
        leecher = self.libtorrent(self.target, enable_lsd=True)
        btfs.Seed(self, self.content, self.torrent, *LSD_ALONE, alone=False)
        leecher.wait_for_seeding()
        self.assertEqual(differences(self.content, self.target / "content"), "")

    def test_a_mount_finds_our_seed_from_its_name_alone(self):
        import libtorrent as lt
        btfs.Seed(self, self.content, self.torrent, *LSD_ALONE, alone=False)
        magnet = lt.make_magnet_uri(lt.torrent_info(str(self.torrent)))
        mount = btfs.Mount(self, magnet, options=LSD_ALONE, alone=False)
        self.wait_for(lambda: (mount.mountpoint / "content").exists(), "the files", 10)
        self.assert_all_is_read(mount)

    def test_without_it_nothing_is_said_or_heard(self):
        btfs.create(self, self.content, self.torrent)
        group = self.listen()
        mount = btfs.Mount(self, self.torrent)
        seed = self.libtorrent_seed(enable_lsd=True)
        # By the second one the mount would have heard the first, and would have spoken itself.
        said = self.heard(group, f"Port: {seed.port}", 2)
        self.assertNotIn("LSD", mount.log())
        self.assertEqual([words for words in said if f"Port: {mount.port}\r\n" in words], [])

    def listen(self):
        """A socket that hears what is said on loopback."""
        group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(group.close)
        group.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        group.bind((GROUP, PORT))
        member = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton("127.0.0.1"))
        group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        group.setblocking(False)
        return group

    def all_heard(self, group):
        said = []
        while True:
            try:
                said.append(group.recv(2000).decode())
            except BlockingIOError:
                return said

    def heard(self, group, what, times=1, seconds=10):
        """Waits until so many datagrams had it; all that was heard meanwhile."""
        said = []

        def often_enough():
            said.extend(self.all_heard(group))
            return sum(what in words for words in said) >= times
        self.wait_for(often_enough, f"'{what}' in {times} datagrams to the group", seconds)
        return said

    def say(self, info_hash, port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as speaker:
            speaker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            speaker.sendto(f"BT-SEARCH * HTTP/1.1\r\nHost: {GROUP}:{PORT}\r\nPort: {port}\r\n"
                           f"Infohash: {info_hash}\r\n\r\n\r\n".encode(), (GROUP, PORT))

    def test_a_private_torrent_is_neither_announced_nor_found(self):
        public = btfs.create(self, self.content / "notes.txt", self.folder / "public.torrent")
        later = btfs.create(self, self.content / "film.mkv", self.folder / "later.torrent")
        btfs.create(self, self.content, self.torrent, "--private")
        group = self.listen()
        mount = btfs.Mount(self, public, self.torrent, later, options=LSD_ALONE, alone=False)
        # Torrents are announced in the order in which they come: by then it would have been.
        said = self.heard(group, self.info_hash(later))
        self.assertIn(self.info_hash(public), "".join(said))
        self.assertNotIn(self.info_hash(), "".join(said))
        port = free_port()
        with socket.create_server(("127.0.0.1", port)) as listener:
            self.say(self.info_hash(), port)
            listener.settimeout(2)
            self.assertRaises(TimeoutError, listener.accept)
        self.assertNotIn("LSD: 127.0.0.1", mount.log())


class LocalNetwork(Discovery):
    """A seed of ours on another machine of the local network."""

    def assert_is_found(self, ours, theirs, address):
        there = Machine(self, "there", ours, theirs)
        btfs.create(self, self.content, self.torrent)
        mount = btfs.Mount(self, self.torrent, options=LSD_ALONE, alone=False)
        port = free_port()
        self.start(there.words(btfs.path(), "seed", self.content, "-o", self.folder / "again.torrent", "--port", port,
                               *LSD_ALONE))
        mount.find(re.escape(f"LSD: {address}:{port} has {self.info_hash()}"), 10)
        self.assert_all_is_read(mount)

    def test_over_ipv4(self):
        self.assert_is_found("10.77.0.1/24", "10.77.0.2/24", "10.77.0.2")

    def test_over_ipv6(self):
        self.assert_is_found("fd77::1/64", "fd77::2/64", "[fd77::2]")


class Private(Discovery):
    def test_peers_of_a_private_torrent_are_not_told_of_each_other(self):
        seed = btfs.Seed(self, self.content, self.torrent, "--private", *PEX_ALONE, alone=False)
        middle = btfs.Mount(self, self.torrent, peers=[seed.port], options=PEX_ALONE, alone=False)
        middle.find(f"connected to 127.0.0.1:{seed.port} as")
        newcomer = btfs.Mount(self, self.torrent, peers=[middle.port], options=PEX_ALONE, alone=False,
                              cache=self.folder / "cache.2", mountpoint=self.folder / "mnt.2")
        newcomer.find(f"connected to 127.0.0.1:{middle.port} as")
        time.sleep(NOT_FOUND_WITHIN)
        self.assertNotIn(f"connected to 127.0.0.1:{seed.port} as", newcomer.log())
        self.assertEqual(newcomer.log().count(" connected to "), 1)

    def test_peers_of_a_public_torrent_are(self):
        seed = btfs.Seed(self, self.content, self.torrent, *PEX_ALONE, alone=False)
        middle = btfs.Mount(self, self.torrent, peers=[seed.port], options=PEX_ALONE, alone=False)
        middle.find(f"connected to 127.0.0.1:{seed.port} as")
        newcomer = btfs.Mount(self, self.torrent, peers=[middle.port], options=PEX_ALONE, alone=False,
                              cache=self.folder / "cache.2", mountpoint=self.folder / "mnt.2")
        self.assert_all_is_read(newcomer)
        self.assertGreaterEqual(newcomer.log().count(" connected to "), 2)


if __name__ == "__main__":
    main(modules=["libtorrent"])
