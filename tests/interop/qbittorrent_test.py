"""btfs and qBittorrent."""
import json
import os
import sys
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from interop.exchange import Exchange, Unfinished
from support.harness import TestCase, end, free_port, main

CONFIGURATION = """[LegalNotice]
Accepted=true

[BitTorrent]
Session\\AddExtensionToIncompleteFiles=true
Session\\BTProtocol={protocol}
Session\\DHTEnabled=false
Session\\Encryption={encryption}
Session\\Interface=lo
Session\\InterfaceName=lo
Session\\InterfaceAddress=127.0.0.1
Session\\LSDEnabled=false
Session\\MultiConnectionsPerIp=true
Session\\PeXEnabled=false
Session\\Port={port}
Session\\QueueingSystemEnabled=false

[Network]
PortForwardingEnabled=false

[Preferences]
General\\Locale=en
WebUI\\Address=127.0.0.1
WebUI\\Enabled=true
WebUI\\LocalHostAuth=false
WebUI\\Port={web_port}
WebUI\\UseUPnP=false
"""


class Qbittorrent(Unfinished, Exchange, TestCase):
    unfinished_names = "*.!qB"
    encryption = 0  # allowed
    protocol = "TCP"

    def run_client(self, torrent, parent):
        port, self.web_port = free_port(), free_port()
        profile = self.folder / f"profile.{port}"
        configuration = profile / "qBittorrent" / "config" / "qBittorrent.conf"
        configuration.parent.mkdir(parents=True)
        configuration.write_text(CONFIGURATION.format(port=port, web_port=self.web_port,
                                                      encryption=self.encryption, protocol=self.protocol))
        self.client = self.start(["qbittorrent-nox", f"--profile={profile}"],
                                 env={**os.environ, "HOME": str(self.folder)})
        self.wait_for_port(self.web_port, self.client)
        self.wait_for_port(port, self.client)
        self.assertEqual(self.api("torrents/add", {"savepath": str(parent)}, torrent), "Ok.")
        self.wait_for(self.state, "torrent in qBittorrent")
        return port

    def api(self, method, fields, file=None):
        """Calls its web API; the fields, and a torrent file, go as a form."""
        if file is None:
            body = urllib.parse.urlencode(fields).encode()
            kind = "application/x-www-form-urlencoded"
        else:
            boundary = "btfs-test-boundary"
            parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
                     for name, value in fields.items()]
            parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="torrents"; filename="t.torrent"\r\n'
                         'Content-Type: application/x-bittorrent\r\n\r\n'.encode() + file.read_bytes() +
                         f"\r\n--{boundary}--\r\n".encode())
            body = b"".join(parts)
            kind = f"multipart/form-data; boundary={boundary}"
        request = urllib.request.Request(f"http://127.0.0.1:{self.web_port}/api/v2/{method}", body,
                                         {"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.read().decode()

    def state(self):
        torrents = json.loads(self.api("torrents/info", {}))
        return torrents[0] if torrents else None

    def has_all(self):
        torrent = self.state()
        return torrent["progress"] == 1 and torrent["state"] in ("uploading", "stalledUP")

    def seed(self, torrent, parent):
        port = self.run_client(torrent, parent)
        self.wait_for(self.has_all, "seeding qBittorrent")
        return port

    def leech(self, torrent, parent):
        return self.run_client(torrent, parent)

    def connect(self, port):
        self.wait_for(lambda: self.state()["state"] not in ("checkingDL", "checkingResumeData", "allocating"),
                      "checked torrent")
        answer = self.api("torrents/addPeers", {"hashes": self.state()["hash"], "peers": f"127.0.0.1:{port}"})
        self.assertEqual([torrent["added"] for torrent in json.loads(answer).values()], [1], answer)

    def finish(self):
        self.wait_for(self.has_all, "download of qBittorrent")
        self.stop_client()

    def stop_client(self):
        end(self.client)


if __name__ == "__main__":
    main(programs=["qbittorrent-nox"])
