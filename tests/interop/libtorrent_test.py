"""btfs and libtorrent."""
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from interop.exchange import Exchange
from support import btfs
from support.content import differences
from support.harness import TestCase, free_port, main
from support.ipv6 import Ipv6Alone


OVER_UTP = dict(enable_outgoing_utp=True, enable_incoming_utp=True, enable_outgoing_tcp=False, enable_incoming_tcp=False)


class Libtorrent(Exchange, TestCase):
    def seed(self, torrent, parent):
        self.peer = self.start_peer(torrent, parent).wait_for_seeding()
        return self.peer.port

    def leech(self, torrent, parent):
        self.peer = self.start_peer(torrent, parent)
        return self.peer.port

    def connect(self, port):
        self.peer.connect(port)

    def finish(self):
        self.peer.wait_for_seeding()
        self.peer.stop()

    def start_peer(self, torrent, parent):
        from support.libtorrent_peer import Peer
        return Peer(self, torrent, parent)

    def write_torrent(self, flags):
        import libtorrent as lt
        storage = lt.file_storage()
        lt.add_files(storage, str(self.content))
        maker = lt.create_torrent(storage, 65536, flags)
        lt.set_piece_hashes(maker, str(self.content.parent))
        self.torrent.write_bytes(lt.bencode(maker.generate()))

    def test_reads_its_torrents_with_pad_files(self):
        import libtorrent as lt
        self.write_torrent(lt.create_torrent.v1_only | lt.create_torrent.canonical_files)
        self.assert_reads_all(self.seed(self.torrent, self.content.parent))

    def test_reads_its_hybrid_torrents(self):
        self.write_torrent(0)
        self.assert_reads_all(self.seed(self.torrent, self.content.parent))

    def test_a_magnet_is_mounted_with_its_metadata_and_again_without_it(self):
        import libtorrent as lt
        btfs.create(self, self.content, self.torrent)
        port = self.seed(self.torrent, self.content.parent)
        magnet = f"{lt.make_magnet_uri(lt.torrent_info(str(self.torrent)))}&x.pe={self.at(port)}"
        mount = btfs.Mount(self, magnet)
        self.wait_for(lambda: (mount.mountpoint / "content").exists(), "the files", 10)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        mount.stop()
        self.peer.stop()
        again = btfs.Mount(self, magnet)
        self.assertEqual(differences(self.content, again.mountpoint / "content"), "")

    def v2_magnet(self, flags):
        import libtorrent as lt
        self.write_torrent(flags)
        port = self.seed(self.torrent, self.content.parent)
        v2_hash = lt.torrent_info(str(self.torrent)).info_hashes().v2
        return btfs.Mount(self, f"magnet:?xt=urn:btmh:1220{v2_hash}&x.pe={self.at(port)}")

    def test_a_hybrid_torrent_is_mounted_by_its_v2_hash_alone(self):
        mount = self.v2_magnet(0)
        self.wait_for(lambda: (mount.mountpoint / "content").exists(), "the files", 10)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")

    def test_a_torrent_of_v2_alone_says_that_it_is_not_supported(self):
        import libtorrent as lt
        mount = self.v2_magnet(lt.create_torrent.v2_only)
        status = mount.mountpoint / ".btfs" / "status"
        self.wait_for(lambda: "not supported" in status.read_text(), "the reason", 10)
        self.assertIn("state: failed\n", status.read_text())

    def test_gets_the_metadata_and_then_everything_from_us(self):
        import libtorrent as lt
        from support.libtorrent_peer import session
        btfs.create(self, self.content, self.torrent)
        seed = btfs.Seed(self, self.content, self.torrent)
        info = lt.torrent_info(str(self.torrent))
        peer = session(self.at(free_port()))
        handle = peer.add_torrent({"url": lt.make_magnet_uri(info), "save_path": str(self.target)})
        handle.connect_peer((self.here, seed.port))
        self.wait_for(lambda: handle.status().is_seeding, "a torrent of which only the name was known", 30)
        self.assertEqual(handle.torrent_file().info_section(), info.info_section())

    def test_a_leecher_that_tries_utp_first_turns_to_tcp(self):
        from support.libtorrent_peer import Peer
        btfs.create(self, self.content, self.torrent)
        seed = btfs.Seed(self, self.content, self.torrent, "--transport", "tcp")
        leecher = Peer(self, self.torrent, self.target, enable_outgoing_utp=True, enable_incoming_utp=True)
        began = time.monotonic()
        leecher.connect(seed.port)
        self.wait_for(lambda: leecher.handle.status().total_payload_download > 0, "content", 10)
        took = time.monotonic() - began
        print(f"first content after {took:.2f} s ", end="", flush=True)
        # After our reset libtorrent takes 2.5 to 3 s to dial over TCP.
        self.assertLess(took, 6)
        leecher.wait_for_seeding()


    def test_a_leecher_over_utp_alone_gets_all(self):
        from support.libtorrent_peer import Peer
        btfs.create(self, self.content, self.torrent)
        seed = btfs.Seed(self, self.content, self.torrent)
        leecher = Peer(self, self.torrent, self.target, **OVER_UTP)
        began = time.monotonic()
        leecher.connect(seed.port)
        leecher.wait_for_seeding()
        print(f"{time.monotonic() - began:.2f} s ", end="", flush=True)

    def test_a_seed_over_utp_alone_is_read(self):
        from support.libtorrent_peer import Peer
        btfs.create(self, self.content, self.torrent)
        seed = Peer(self, self.torrent, self.content.parent, **OVER_UTP)
        seed.wait_for_seeding()
        for transport in "utp", "both":
            began = time.monotonic()
            mount = btfs.Mount(self, self.torrent, peers=[seed.port], options=["--transport", transport],
                               cache=self.folder / f"cache-{transport}")
            self.assertEqual(differences(self.content, mount.mountpoint / self.content.name), "")
            print(f"{transport} {time.monotonic() - began:.2f} s ", end="", flush=True)
            mount.stop()


class OverIpv6(Ipv6Alone, Libtorrent):
    pass


class SuperSeeding(TestCase):
    """Leechers of a torrent whose only seed offers few pieces at a time."""

    SIZE = 32 << 20

    def setUp(self):
        super().setUp()
        self.content = self.folder / "from" / "film"
        self.content.parent.mkdir()
        self.content.write_bytes(os.urandom(self.SIZE))
        self.torrent = self.folder / "film.torrent"
        btfs.create(self, self.content, self.torrent, "--piece-size", "256K")

    def seed(self, *options, leechers):
        """A seed that dials them all at once: one that is alone for a while is served at full speed."""
        return btfs.Seed(self, self.content, self.torrent, "--piece-size", "256K", *options,
                         peers=[leecher.port for leecher in leechers])

    def leecher(self, name, upload_limit=0):
        from support.libtorrent_peer import Peer
        folder = self.folder / name
        folder.mkdir()
        return Peer(self, self.torrent, folder, upload_limit=upload_limit)

    def seconds_for(self, leechers):
        began = time.monotonic()
        for leecher in leechers:
            leecher.wait_for_seeding(120)
        return time.monotonic() - began

    def test_two_leechers_cost_little_more_than_one_copy(self):
        # An ordinary seed, much faster than they are, would send most of it to both. It is limited, so that the one
        # that is there first does not get much while it is alone.
        leechers = [self.leecher("one", 2 << 20), self.leecher("two", 2 << 20)]
        leechers[0].connect(leechers[1].port)
        self.wait_for(lambda: leechers[1].handle.status().num_peers == 1, "connection")
        seed = self.seed("--super", "--upload-limit", "16M", "--limit-local", leechers=leechers)
        took = self.seconds_for(leechers)
        seed.find("super seeding has ended", 10)
        # All that one leecher sent went to the other.
        sent = sum(leecher.handle.status().total_payload_download - leecher.uploaded() for leecher in leechers)
        print(f"{sent / self.SIZE:.2f} copies in {took:.1f} s ", end="", flush=True)
        self.assertGreaterEqual(sent, self.SIZE)
        self.assertLessEqual(sent, 1.3 * self.SIZE)
        for name in ("one", "two"):
            self.assertEqual((self.folder / name / "film").read_bytes(), self.content.read_bytes())

    def test_a_lone_leecher_is_not_slowed_down(self):
        took = []
        for name, options in (("one", ()), ("two", ("--super",))):
            leecher = self.leecher(name)
            seed = self.seed(*options, leechers=[leecher])
            took.append(self.seconds_for([leecher]))
            seed.stop()
        print(f"{took[1]:.1f} s, and {took[0]:.1f} s of an ordinary seed ", end="", flush=True)
        self.assertLess(took[1], 3 * took[0] + 3)


if __name__ == "__main__":
    main(modules=["libtorrent"])
