"""btfs and Transmission."""
import base64
import json
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from interop.exchange import Exchange, Unfinished
from support import btfs
from support.content import differences
from support.harness import TestCase, end, free_port, main


def info_hash_of(torrent):
    return json.loads(btfs.run("info", "--json", torrent).stdout)["info_hash_v1"]


class Transmission(Unfinished, Exchange, TestCase):
    dials = False
    unfinished_names = "*.part"
    encryption = 0  # plain connections are preferred
    utp = False
    address = "127.0.0.1"

    def run_daemon(self, parent, **torrent):
        port, self.rpc_port = free_port(), free_port()
        self.session_id = ""
        home = self.folder / f"transmission.{port}"
        home.mkdir()
        (home / "settings.json").write_text(json.dumps({
            "bind-address-ipv4": self.address, "bind-address-ipv6": "::1", "peer-port": port,
            "encryption": self.encryption,
            "dht-enabled": False, "lpd-enabled": False, "pex-enabled": False, "utp-enabled": self.utp,
            "port-forwarding-enabled": False,
            "rpc-enabled": True, "rpc-bind-address": "127.0.0.1", "rpc-port": self.rpc_port,
            "rpc-authentication-required": False, "rpc-host-whitelist-enabled": False,
            "download-dir": str(parent), "incomplete-dir-enabled": False, "rename-partial-files": True,
            "start-added-torrents": True, "download-queue-enabled": False, "seed-queue-enabled": False,
        }))
        self.daemon = self.start(["transmission-daemon", "--foreground", "--config-dir", home])
        self.wait_for_port(self.rpc_port, self.daemon)
        self.wait_for_port(port, self.daemon)
        added = self.rpc("torrent-add", **torrent)
        self.assertIn("torrent-added", added)
        return port

    def run_daemon_with(self, torrent, parent):
        return self.run_daemon(parent, metainfo=base64.b64encode(torrent.read_bytes()).decode())

    def rpc(self, method, **arguments):
        request = urllib.request.Request(f"http://127.0.0.1:{self.rpc_port}/transmission/rpc",
                                         json.dumps({"method": method, "arguments": arguments}).encode(),
                                         {"X-Transmission-Session-Id": self.session_id})
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                answer = json.load(reply)
        except urllib.error.HTTPError as e:
            if e.code != 409:
                raise
            self.session_id = e.headers["X-Transmission-Session-Id"]
            return self.rpc(method, **arguments)
        self.assertEqual(answer["result"], "success")
        return answer["arguments"]

    def has_all(self):
        torrent, = self.rpc("torrent-get", fields=["leftUntilDone", "status", "percentDone"])["torrents"]
        return torrent["percentDone"] == 1 and torrent["leftUntilDone"] == 0 and torrent["status"] == 6  # seeding

    def seed(self, torrent, parent):
        port = self.run_daemon_with(torrent, parent)
        self.wait_for(self.has_all, "seeding Transmission")
        self.wait_for_handshake(port, torrent)  # it says so a moment before it takes peers
        return port

    def leech(self, torrent, parent):
        port = self.run_daemon_with(torrent, parent)
        self.wait_for_handshake(port, torrent)
        return port

    def wait_for_handshake(self, port, torrent):
        """Until it answers the handshake of a peer: it hangs up on peers of a torrent that does not run yet."""
        info_hash = bytes.fromhex(info_hash_of(torrent))
        handshake = b"\x13BitTorrent protocol" + bytes(8) + info_hash + b"-XX0000-" + bytes(12)

        def answers():
            said = b""
            try:
                # From an address of its own: it takes one connection of each.
                with socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.2", 0)) as peer:
                    peer.sendall(handshake)
                    while len(said) < len(handshake) and (more := peer.recv(len(handshake) - len(said))):
                        said += more
            except OSError:
                return False
            return said[28:48] == info_hash
        self.wait_for(answers, "handshake of Transmission")

    def finish(self):
        self.wait_for(self.has_all, "download of Transmission")
        self.stop_client()

    def has_part(self):  # it takes the space of a file at once
        torrent, = self.rpc("torrent-get", fields=["percentDone"])["torrents"]
        return torrent["percentDone"] > 0.3

    def stop_client(self):
        end(self.daemon)

    def test_reads_its_torrents(self):
        subprocess.run(["transmission-create", "-o", str(self.torrent), str(self.content)], check=True,
                       capture_output=True, timeout=30)
        (self.content / "empty").unlink()  # it leaves empty files out
        self.assert_reads_all(self.seed(self.torrent, self.content.parent))

    def test_gets_the_metadata_and_then_everything_from_us(self):
        btfs.create(self, self.content, self.torrent)
        port = self.run_daemon(self.target, filename=f"magnet:?xt=urn:btih:{info_hash_of(self.torrent)}")
        seed = btfs.Seed(self, self.content, self.torrent, peers=(port,))
        self.finish()
        seed.find(re.escape(f"connected to {self.at(port)}"))
        self.assertEqual(differences(self.content, self.target / "content"), "Only in "
                         f"{self.content}: empty\n")

    def test_gets_the_metadata_and_then_everything_from_us_over_ipv6(self):
        self.here = "::1"  # its RPC needs IPv4, so that stays
        self.test_gets_the_metadata_and_then_everything_from_us()


if __name__ == "__main__":
    main(programs=["transmission-daemon", "transmission-create"])
