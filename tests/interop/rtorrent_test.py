"""btfs and rTorrent."""
import socket
import sys
import xmlrpc.client
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from interop.exchange import Exchange
from support import btfs
from support.content import differences
from support.harness import TestCase, end, free_port, main

SETTINGS = """\
session.path.set = {session}
directory.default.set = {directory}
network.bind_address.set = 127.0.0.1
network.port_range.set = {port}-{port}
network.port_random.set = no
network.scgi.open_local = {control}
protocol.encryption.set = none
protocol.pex.set = no
dht.mode.set = disable
trackers.use_udp.set = no
system.daemon.set = true
"""


class RTorrent(Exchange, TestCase):
    dials = False
    create_options = ("--tracker", "http://127.0.0.1:1/announce")  # without DHT, it takes no torrent that has no tracker

    def run_rtorrent(self, torrent, parent):
        home = self.folder / "rtorrent"
        (home / "session").mkdir(parents=True)
        self.control = home / "control"
        port = free_port()
        settings = home / "settings.rc"
        settings.write_text(SETTINGS.format(session=home / "session", directory=parent, port=port, control=self.control))
        self.rtorrent = self.start(["rtorrent", "-n", "-o", f"import={settings}"], cwd=home)
        self.wait_for(self.control.exists, "control socket of rTorrent")
        self.wait_for_port(port, self.rtorrent)
        self.call("load.raw_start", "", xmlrpc.client.Binary(torrent.read_bytes()))
        self.hash, = self.wait_for(lambda: self.call("download_list", ""), "torrent in rTorrent")
        self.wait_for(self.is_open, "torrent that rTorrent has checked")
        return port

    def call(self, method, *arguments):
        """XML-RPC over SCGI: headers as a netstring, then the body."""
        body = xmlrpc.client.dumps(arguments, method).encode()
        headers = b"CONTENT_LENGTH\0%d\0SCGI\x001\0" % len(body)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.control))
            connection.sendall(b"%d:%b,%b" % (len(headers), headers, body))
            answer = b""
            while data := connection.recv(65536):
                answer += data
        (result,), _ = xmlrpc.client.loads(answer.partition(b"\r\n\r\n")[2])
        return result

    def is_open(self):
        return self.call("d.is_active", self.hash) == 1 and self.call("d.hashing", self.hash) == 0

    def has_all(self):
        return self.call("d.complete", self.hash) == 1

    def seed(self, torrent, parent):
        port = self.run_rtorrent(torrent, parent)
        self.wait_for(self.has_all, "seeding rTorrent")
        return port

    def leech(self, torrent, parent):
        return self.run_rtorrent(torrent, parent)

    def finish(self):
        self.wait_for(self.has_all, "download of rTorrent")
        end(self.rtorrent)

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
        self.wait_for(lambda: self.call("d.completed_bytes", self.hash) >= at_least, "part at rTorrent")
        self.assertFalse(self.has_all())


if __name__ == "__main__":
    main(programs=["rtorrent"])
