"""btfs and Transmission to which TCP does not get. Every ten seconds it decides whom to unchoke and what it is interested
in, so each test takes long."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from interop import encryption_test, transmission_test
from interop.encryption_test import REQUIRE
from interop.utp_test import OverUtp
from support import btfs
from support.content import differences
from support.harness import free_port, main
from support.machine import run
from support.tracker import Tracker


class Transmission(OverUtp, transmission_test.Transmission):
    utp = True
    test_reads_everything_from_it = None
    test_gets_everything_from_a_seed = None
    test_reads_its_torrents = None
    test_gets_the_metadata_and_then_everything_from_us = None
    test_gets_the_metadata_and_then_everything_from_us_over_ipv6 = None

    def assert_target_is_complete(self):
        self.finish()
        self.assertEqual(differences(self.content, self.target / "content"), f"Only in {self.content}: empty\n")

    def test_a_mount_reads_one_while_a_seed_feeds_another(self):
        btfs.create(self, self.content, self.torrent)
        target = self.leech(self.torrent, self.target)
        self.btfs_seed(peers=[target])
        of_target = self.rpc_port, self.session_id, self.daemon
        source = self.seed(self.torrent, self.content.parent)
        mount = btfs.Mount(self, self.torrent, peers=[source], options=self.btfs_options)
        self.assertEqual(differences(self.content, mount.mountpoint / "content"), "")
        self.rpc_port, self.session_id, self.daemon = of_target
        self.assert_target_is_complete()


class TransmissionEncrypted(Transmission):
    encryption = 2  # required
    btfs_options = REQUIRE
    wait_for_handshake = encryption_test.Transmission.wait_for_handshake


class TransmissionDials(Transmission):
    """It dials us where a tracker tells it of us, and at no address of loopback. It leaves what stands behind our handshake
    in the same datagram unread until more comes: if that were our keep-alive after 100 s, the download would be too late."""
    address = "10.77.0.1"
    said_of_connection = ""
    wait_for_handshake = encryption_test.Transmission.wait_for_handshake
    test_a_mount_reads_one_while_a_seed_feeds_another = None

    def test_and_gets_everything(self):
        run("ip", "address", "add", f"{self.address}/32", "dev", "lo")
        self.addCleanup(run, "ip", "address", "delete", f"{self.address}/32", "dev", "lo")
        tracker = Tracker(self, self.address)
        port = free_port()
        self.firewall.refuse_tcp(port)
        seed = btfs.Seed(self, self.content, self.torrent, "--tracker", tracker.http, *self.btfs_options, port=port)
        self.wait_for(lambda: tracker.events, "announce")  # of whom else the tracker knows is asked for later
        self.leech(self.torrent, self.target)
        self.wait_for(self.has_all, "download of Transmission", 60)  # 17 s where nothing else runs
        self.assert_target_is_complete()
        seed.find(f"connected to {self.address}:.*" + self.said_of_connection)


class TransmissionDialsEncrypted(TransmissionDials):
    encryption = 2
    btfs_options = REQUIRE
    said_of_connection = ", encrypted"


if __name__ == "__main__":
    main(programs=["transmission-daemon"], modules=["libtorrent"])
