"""Other people's clients in one swarm, each at an address of its own: what each has, sends and sees of its peers."""
import base64
import json
import os
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
import xmlrpc.client
from typing import NamedTuple

import libtorrent as lt

from support.harness import free_port


class Connection(NamedTuple):
    """What a client tells of a peer."""
    address: str
    port: int
    client: str
    progress: float  # as the peer announces it, 0 to 1
    sent: float  # bytes of content to it on this connection, and on earlier ones if the client carries sums
    got: float
    sending: bool


class Totals(NamedTuple):
    progress: float
    sent: int
    got: int


def post(url, body, headers):
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as reply:
        return reply.read().decode()


class Integrator:
    """Bytes of each connection of a client that tells rates alone."""

    def __init__(self):
        self.last = time.monotonic()
        self.sums = {}

    def add(self, rates):
        """`rates`: by connection, (bytes per second to it, from it). Gives the sums of those that are there."""
        now = time.monotonic()
        elapsed, self.last = now - self.last, now
        sums = {}
        for key, (up, down) in rates.items():
            sent, got = self.sums.get(key, (0, 0))
            sums[key] = (sent + up * elapsed, got + down * elapsed)
        self.sums = sums
        return sums


class Libtorrent:
    carries_sums = True  # the sums of an address go on when it comes back
    # Ends of connections that no fault of the peer's is behind.
    ENDS = ("End of file", "timed out", "duplicate", "to self", "uninteresting", "upload connection", "too many connections",
            "stopping torrent", "torrent removed", "torrent has been", "reset by peer", "Broken pipe", "Connection refused",
            "optimistic disconnect")

    def __init__(self, test, name, address, torrent, folder, upload_limit):
        self.name, self.address, self.port = name, address, free_port()
        self.session = lt.session({
            "listen_interfaces": f"{address}:{self.port}", "outgoing_interfaces": address,
            "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
            "enable_incoming_utp": False, "enable_outgoing_utp": False, "upload_rate_limit": upload_limit,
            "alert_queue_size": 100_000,
            "alert_mask": lt.alert.category_t.peer_notification | lt.alert.category_t.error_notification,
        })
        # Loopback is no local network here: limits and slots hold.
        everybody = lt.ip_filter()
        everybody.add_rule("0.0.0.0", "255.255.255.255", 1 << lt.session.global_peer_class_id)
        self.session.set_peer_class_filter(everybody)
        self.handle = self.session.add_torrent({"ti": lt.torrent_info(str(torrent)), "save_path": str(folder)})
        self.handle.unset_flags(lt.torrent_flags.auto_managed)
        self.handle.resume()
        self.said = []
        test.addCleanup(self.stop)

    def is_ready(self):
        return self.handle.status().state in (lt.torrent_status.downloading, lt.torrent_status.finished,
                                              lt.torrent_status.seeding)

    def totals(self):
        status = self.handle.status()
        return Totals(status.progress_ppm / 1e6, status.total_payload_upload, status.total_payload_download)

    def connections(self):
        self._listen()
        return [Connection(*peer.ip, peer.client.decode(errors="replace"), peer.progress_ppm / 1e6, peer.total_upload,
                           peer.total_download, peer.payload_up_speed > 0)
                for peer in self.handle.get_peer_info() if not peer.flags & (peer.connecting | peer.handshake)]

    def trouble(self, address):
        """What it holds against a peer."""
        self._listen()
        return [message for message in self.said if f"{address}:" in message]

    def _listen(self):
        for alert in self.session.pop_alerts():
            if isinstance(alert, (lt.peer_ban_alert, lt.peer_error_alert, lt.peer_disconnected_alert,
                                  lt.peer_blocked_alert)):
                message = alert.message()
                if isinstance(alert, lt.peer_ban_alert) or not any(end in message for end in self.ENDS):
                    self.said.append(message)

    def stop(self):
        if self.session:
            self.session.pause()
            self.session = self.handle = None  # waits for its end


class Transmission:
    carries_sums = False

    def __init__(self, test, name, address, torrent, folder, upload_limit):
        self.name, self.address, self.port, self.rpc_port = name, address, free_port(), free_port()
        self.session_id = ""
        self.sums = Integrator()
        home = test.folder / name
        home.mkdir()
        (home / "settings.json").write_text(json.dumps({
            "bind-address-ipv4": address, "bind-address-ipv6": "::1", "peer-port": self.port, "encryption": 0,
            "dht-enabled": False, "lpd-enabled": False, "pex-enabled": True, "utp-enabled": False,
            "port-forwarding-enabled": False, "speed-limit-up": upload_limit // 1000, "speed-limit-up-enabled": True,
            "rpc-enabled": True, "rpc-bind-address": "127.0.0.1", "rpc-port": self.rpc_port,
            "rpc-authentication-required": False, "rpc-host-whitelist-enabled": False,
            "download-dir": str(folder), "incomplete-dir-enabled": False, "rename-partial-files": False,
            "start-added-torrents": True, "download-queue-enabled": False, "seed-queue-enabled": False,
        }))
        self.process = test.start(["transmission-daemon", "--foreground", "--log-debug", "--config-dir", home])
        test.wait_for_port(self.rpc_port, self.process)
        self.rpc("torrent-add", metainfo=base64.b64encode(torrent.read_bytes()).decode())

    def rpc(self, method, **arguments):
        try:
            answer = json.loads(post(f"http://127.0.0.1:{self.rpc_port}/transmission/rpc",
                                     json.dumps({"method": method, "arguments": arguments}).encode(),
                                     {"X-Transmission-Session-Id": self.session_id}))
        except urllib.error.HTTPError as e:
            if e.code != 409:
                raise
            self.session_id = e.headers["X-Transmission-Session-Id"]
            return self.rpc(method, **arguments)
        if answer["result"] != "success":
            raise RuntimeError(f"Transmission: {answer['result']}")
        return answer["arguments"]

    def get(self, *fields):
        torrent, = self.rpc("torrent-get", fields=fields)["torrents"]
        return torrent

    def is_ready(self):
        return self.get("status")["status"] in (4, 6)  # downloading, seeding

    def totals(self):
        torrent = self.get("percentDone", "uploadedEver", "downloadedEver")
        return Totals(torrent["percentDone"], torrent["uploadedEver"], torrent["downloadedEver"])

    def connections(self):
        peers = {(peer["address"], peer["port"]): peer for peer in self.get("peers")["peers"]}
        sums = self.sums.add({key: (peer["rateToPeer"], peer["rateToClient"]) for key, peer in peers.items()})
        return [Connection(*key, peer["clientName"], peer["progress"], *sums[key], peer["rateToPeer"] > 0)
                for key, peer in peers.items()]

    def trouble(self, address):
        return _lines_about(self.process.output, address, ("ban", "bad ", "invalid", "corrupt", "protocol"))


class Qbittorrent:
    carries_sums = True
    CONFIGURATION = """[LegalNotice]
Accepted=true

[BitTorrent]
Session\\BTProtocol=TCP
Session\\DHTEnabled=false
Session\\Encryption=0
Session\\GlobalUPSpeedLimit={upload_limit}
Session\\IgnoreLimitsOnLAN=false
Session\\Interface=lo
Session\\InterfaceName=lo
Session\\InterfaceAddress={address}
Session\\LSDEnabled=false
Session\\PeXEnabled=true
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

    def __init__(self, test, name, address, torrent, folder, upload_limit):
        self.name, self.address, self.port, self.web_port = name, address, free_port(), free_port()
        profile = test.folder / name
        configuration = profile / "qBittorrent" / "config" / "qBittorrent.conf"
        configuration.parent.mkdir(parents=True)
        configuration.write_text(self.CONFIGURATION.format(address=address, port=self.port, web_port=self.web_port,
                                                           upload_limit=upload_limit // 1024))
        self.process = test.start(["qbittorrent-nox", f"--profile={profile}"],
                                  env={**os.environ, "HOME": str(test.folder)})
        test.wait_for_port(self.web_port, self.process)
        boundary = "btfs-test-boundary"
        body = (f'--{boundary}\r\nContent-Disposition: form-data; name="savepath"\r\n\r\n{folder}\r\n--{boundary}\r\n'
                'Content-Disposition: form-data; name="torrents"; filename="t.torrent"\r\n'
                'Content-Type: application/x-bittorrent\r\n\r\n').encode()
        post(f"http://127.0.0.1:{self.web_port}/api/v2/torrents/add",
             body + torrent.read_bytes() + f"\r\n--{boundary}--\r\n".encode(),
             {"Content-Type": f"multipart/form-data; boundary={boundary}"})
        test.wait_for(self.torrents, "torrent in qBittorrent")

    def api(self, method, **fields):
        return json.loads(post(f"http://127.0.0.1:{self.web_port}/api/v2/{method}",
                               urllib.parse.urlencode(fields).encode(),
                               {"Content-Type": "application/x-www-form-urlencoded"}))

    def torrents(self):
        return self.api("torrents/info")

    def is_ready(self):
        return self.torrents()[0]["state"] in ("downloading", "stalledDL", "uploading", "stalledUP")

    def totals(self):
        torrent, = self.torrents()
        return Totals(torrent["progress"], torrent["uploaded"], torrent["downloaded"])

    def connections(self):
        answer = self.api("sync/torrentPeers", hash=self.torrents()[0]["hash"], rid=0)
        return [Connection(peer["ip"], peer["port"], peer["client"], peer["progress"], peer["uploaded"],
                           peer["downloaded"], peer["up_speed"] > 0)
                for peer in answer.get("peers", {}).values()]

    def trouble(self, address):
        entries = [f"{entry['ip']}: {entry['reason']}" for entry in self.api("log/peers", last_known_id=-1)]
        entries += [entry["message"] for entry in self.api("log/main", last_known_id=-1)]
        return [entry for entry in entries if address in entry and "listen" not in entry.lower()]


class Aria2:
    carries_sums = False

    def __init__(self, test, name, address, torrent, folder, upload_limit):
        self.name, self.address, self.port, self.rpc_port = name, address, free_port(), free_port()
        self.sums = Integrator()
        self.log = test.folder / f"{name}.log"
        self.process = test.start([
            "aria2c", "--no-conf", f"--dir={folder}", f"--listen-port={self.port}", f"--interface={address}",
            "--disable-ipv6", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false",
            "--enable-peer-exchange=true", "--file-allocation=none", "--check-integrity=true", "--allow-overwrite=true",
            "--seed-ratio=0", "--bt-tracker-interval=30", f"--max-overall-upload-limit={upload_limit}", "--quiet",
            f"--log={self.log}", "--log-level=info", "--enable-rpc", f"--rpc-listen-port={self.rpc_port}", torrent])
        test.wait_for_port(self.rpc_port, self.process)
        self.torrent_size = lt.torrent_info(str(torrent)).total_size()
        self.pieces = lt.torrent_info(str(torrent)).num_pieces()

    def rpc(self, method, *arguments):
        answer = json.loads(post(f"http://127.0.0.1:{self.rpc_port}/jsonrpc",
                                 json.dumps({"jsonrpc": "2.0", "id": "0", "method": f"aria2.{method}",
                                             "params": arguments}).encode(), {"Content-Type": "application/json"}))
        return answer["result"]

    def download(self):
        """Its torrent; nothing while it is not there."""
        for download in self.rpc("tellActive"):
            if "bittorrent" in download:
                return download
        return None

    def is_ready(self):
        download = self.download()
        return bool(download) and "verifiedLength" not in download and "verifyIntegrityPending" not in download

    def totals(self):
        download = self.download() or {"completedLength": 0, "uploadLength": 0}
        completed = int(download["completedLength"])
        return Totals(completed / self.torrent_size, int(download["uploadLength"]), completed)

    def connections(self):
        download = self.download()
        if not download:
            return []
        peers = {(peer["ip"], int(peer["port"])): peer for peer in self.rpc("getPeers", download["gid"])}
        sums = self.sums.add({key: (int(peer["uploadSpeed"]), int(peer["downloadSpeed"])) for key, peer in peers.items()})
        return [Connection(*key, urllib.parse.unquote(peer["peerId"], "latin-1")[:8],
                           int(peer["bitfield"] or "0", 16).bit_count() / self.pieces, *sums[key],
                           int(peer["uploadSpeed"]) > 0)
                for key, peer in peers.items()]

    def trouble(self, address):
        return _lines_about(self.log, address, ("ban", "Bad ", "invalid", "Invalid", "corrupt", "checksum", "flood"))


class RTorrent:
    """Without DHT it takes no torrent that has no tracker."""
    carries_sums = False
    SETTINGS = """\
session.path.set = {session}
directory.default.set = {folder}
network.bind_address.set = {address}
network.local_address.set = {address}
network.port_range.set = {port}-{port}
network.port_random.set = no
network.scgi.open_local = {control}
protocol.encryption.set = {encryption}
protocol.pex.set = no
dht.mode.set = disable
trackers.use_udp.set = no
throttle.global_up.max_rate.set_kb = {upload_kib}
log.open_file = "log", {log}
log.add_output = "info", "log"
log.add_output = "peer_debug", "log"
system.daemon.set = true
"""

    def __init__(self, test, name, address, torrent, folder, upload_limit, encryption="none"):
        self.name, self.address, self.port = name, address, free_port()
        home = test.folder / name
        (home / "session").mkdir(parents=True)
        self.control, self.log = home / "control", home / "log"
        settings = home / "settings.rc"
        settings.write_text(self.SETTINGS.format(session=home / "session", folder=folder, address=address, port=self.port,
                                                 control=self.control, upload_kib=upload_limit >> 10, log=self.log,
                                                 encryption=encryption))
        self.process = test.start(["rtorrent", "-n", "-o", f"import={settings}"], cwd=home)
        test.wait_for(self.control.exists, "control socket of rTorrent")
        test.wait_for_port(self.port, self.process)
        self.call("load.raw_start", "", xmlrpc.client.Binary(torrent.read_bytes()))
        self.hash, = test.wait_for(lambda: self.call("download_list", ""), "torrent in rTorrent")

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

    def is_ready(self):
        return self.call("d.is_active", self.hash) == 1 and self.call("d.hashing", self.hash) == 0

    def totals(self):
        completed = self.call("d.completed_bytes", self.hash)
        return Totals(completed / self.call("d.size_bytes", self.hash), self.call("d.up.total", self.hash), completed)

    def connections(self):
        fields = ("address", "port", "client_version", "completed_percent", "up_total", "down_total", "up_rate")
        return [Connection(peer_address, port, client, percent / 100, up, down, rate > 0)
                for peer_address, port, client, percent, up, down, rate
                in self.call("p.multicall", self.hash, "", *(f"p.{field}=" for field in fields))]

    def trouble(self, address):
        banned = [f"{address} is banned" for peer_address, is_banned
                  in self.call("p.multicall", self.hash, "", "p.address=", "p.banned=")
                  if peer_address == address and is_banned]
        return banned + _lines_about(self.log, address, ("ban", "corrupt", "invalid", "hash failed"))


def _lines_about(log, address, words):
    with open(log, errors="replace") as lines:
        return [line.strip() for line in lines if f"{address}:" in line or f"[{address}]" in line
                if any(word in line for word in words)]
