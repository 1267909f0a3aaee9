"""btfs in a DHT of libtorrent's: a torrent of which only the name is known is found there, and nowhere else."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import btfs
from support.content import differences, make_files
from support.harness import TestCase, free_port, main
from support.ipv6 import Ipv6Alone
from support.machine import run


class WithDht(TestCase):
    def setUp(self):
        super().setUp()
        self.content = make_files(self.folder / "content", {"film.mkv": 3_000_001, "sub/readme.txt": 20_000})
        self.torrent = self.folder / "content.torrent"

    def dht(self, **options):
        from support.libtorrent_dht import Dht as LibtorrentDht
        return LibtorrentDht(self, **options)

    def magnet(self):
        from support.libtorrent_dht import magnet
        return magnet(self.torrent)

    def libtorrent_seed(self, dht, interface="127.0.0.1:{}", port=None):
        """Has announced itself when this returns."""
        import libtorrent as lt
        from support.libtorrent_dht import OPEN
        from support.libtorrent_peer import Peer
        btfs.create(self, self.content, self.torrent)
        port = port or free_port()
        peer = Peer(self, self.torrent, self.folder, port=port, alert_mask=lt.alert.category_t.dht_notification,
                    **{**OPEN, "listen_interfaces": interface.format(port)})
        for endpoint in dht.endpoints[:3]:
            peer.session.add_dht_node(endpoint)
        peer.wait_for_seeding()
        self.wait_for(lambda: peer.session.status().dht_nodes >= 3, "nodes of the seed's", 20)
        self.wait_for_peers_in(dht, peer.handle)
        return peer

    def wait_for_peers_in(self, dht, handle=None, port=None):
        """Until a node that asks is told of a peer, or of one with that port."""
        import libtorrent as lt
        asker = dht.nodes[-1]
        asker.apply_settings({"alert_mask": lt.alert.category_t.dht_operation_notification})
        info_hash = lt.torrent_info(str(self.torrent)).info_hash()

        def told():
            if handle:
                handle.force_dht_announce()
            asker.dht_get_peers(info_hash)
            asker.wait_for_alert(500)
            return any(port in (None, peer[1]) for alert in asker.pop_alerts()
                       if isinstance(alert, lt.dht_get_peers_reply_alert) for peer in alert.peers())
        self.wait_for(told, "peer in the DHT", 40)

    def mount(self, *options, source=None, **more):
        mount = btfs.Mount(self, source or self.magnet(), options=options, alone=False, **more)
        self.wait_for(lambda: (mount.mountpoint / "content").exists(), "the files", 20)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        return mount


class Dht(WithDht):
    def test_finds_libtorrent_from_a_router_and_then_from_the_table_that_it_kept(self):
        dht = self.dht()
        peer = self.libtorrent_seed(dht)
        mount = self.mount("--dht-bootstrap", dht.router)
        self.wait_for(lambda: (mount.cache / "dht.nodes").exists(), "kept table", 10)
        mount.kill()
        for kept in mount.cache.iterdir():
            if kept.name != "dht.nodes":
                kept.unlink()
        again = self.mount("--dht-bootstrap", f"127.0.0.1:{free_port()}", cache=mount.cache)
        self.assertGreater(peer.uploaded(), 0)
        again.stop()

    def test_finds_what_a_publisher_names_and_remembers_it(self):
        import libtorrent as lt
        from support.publisher import Publisher
        dht = self.dht()
        peer = self.libtorrent_seed(dht)
        publisher = Publisher(self.folder, salt=b"film")
        self.assertGreater(publisher.name(b"x" * 20, dht.endpoints), 8)
        self.assertGreater(publisher.name(lt.torrent_info(str(self.torrent)).info_hash().to_bytes(), dht.endpoints), 8)
        mount = self.mount("--dht-bootstrap", dht.router, source=publisher.magnet())
        mount.stop()
        # No DHT any more: what he said at last will do, and the cache has the rest.
        (mount.cache / "dht.nodes").unlink()
        self.mount("--dht-bootstrap", f"127.0.0.1:{free_port()}", source=publisher.magnet(), cache=mount.cache).stop()

    def test_libtorrent_finds_us(self):
        from support.libtorrent_dht import OPEN
        from support.libtorrent_peer import session
        dht = self.dht()
        btfs.Seed(self, self.content, self.torrent, "--dht-bootstrap", dht.router, alone=False)
        self.wait_for_peers_in(dht)
        leech = session(self.at(free_port()), **OPEN)
        leech.add_dht_node(dht.endpoints[1])
        target = self.folder / "target"
        handle = leech.add_torrent({"url": self.magnet(), "save_path": str(target)})
        self.wait_for(lambda: handle.status().is_seeding, "torrent that was found", 40)
        self.assertEqual(differences(self.content, target / "content"), "")


class DhtOverIpv6(Ipv6Alone, WithDht):
    def test_finds_libtorrent_and_announces_itself(self):
        for i in range(1, 16):
            run("ip", "address", "add", f"fd00::{i:x}/64", "dev", "lo", "nodad")
            self.addCleanup(run, "ip", "address", "delete", f"fd00::{i:x}/64", "dev", "lo")
        dht = self.dht(address="fd00::{}", count=8)
        self.libtorrent_seed(dht, "[fd00::f]:{}")
        mount = self.mount("--dht-bootstrap", dht.router)
        self.wait_for_peers_in(dht, port=mount.port)


if __name__ == "__main__":
    main(modules=["libtorrent"])
