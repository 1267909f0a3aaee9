"""btfs and rTorrent."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from interop.exchange import Exchange
from support import btfs
from support.content import differences
from support.harness import TestCase, end, main


class RTorrent(Exchange, TestCase):
    dials = False
    create_options = ("--tracker", "http://127.0.0.1:1/announce")  # without DHT, it takes no torrent that has no tracker

    encryption = "none"

    def run_rtorrent(self, torrent, parent):
        from support import real_clients
        self.rtorrent = real_clients.RTorrent(self, "rtorrent", "127.0.0.1", torrent, parent, 0, self.encryption)
        self.wait_for(self.rtorrent.is_ready, "torrent that rTorrent has checked")
        return self.rtorrent.port

    def has_all(self):
        return self.rtorrent.totals().progress == 1

    def seed(self, torrent, parent):
        port = self.run_rtorrent(torrent, parent)
        self.wait_for(self.has_all, "seeding rTorrent")
        return port

    def leech(self, torrent, parent):
        return self.run_rtorrent(torrent, parent)

    def finish(self):
        self.wait_for(self.has_all, "download of rTorrent")
        end(self.rtorrent.process)

    def mount_that_read(self, file, peers=()):
        """A mount that has one file of the torrent alone."""
        seed = self.btfs_seed()
        mount = btfs.Mount(self, self.torrent, peers=[seed.port])
        self.assertEqual((mount.mountpoint / "content" / file).read_bytes(), (self.content / file).read_bytes())
        seed.stop()
        mount.stop()
        return btfs.Mount(self, self.torrent, peers=peers)

    def test_sends_the_rest_to_a_mount_that_has_a_part(self):
        # Such a mount has a bitfield to send, and is interested: rTorrent closes a connection on which a bitfield is
        # not the first message.
        btfs.create(self, self.content, self.torrent, *self.create_options)
        port = self.seed(self.torrent, self.content.parent)
        mount = self.mount_that_read("extras/sound.flac", peers=[port])
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        self.assertEqual(mount.log().count(f"connected to 127.0.0.1:{port}"), 1, "it closed the first connection")

    def test_gets_a_part_from_a_mount_that_has_no_more(self):
        btfs.create(self, self.content, self.torrent, *self.create_options)
        port = self.leech(self.torrent, self.target)
        self.mount_that_read("extras/sound.flac", peers=[port])
        # All but the pieces at its ends, which other files share.
        at_least = (self.content / "extras/sound.flac").stat().st_size * 9 // 10
        self.wait_for(lambda: self.rtorrent.totals().got >= at_least, "part at rTorrent")
        self.assertFalse(self.has_all())


if __name__ == "__main__":
    main(programs=["rtorrent"], modules=["libtorrent"])
