"""A libtorrent session on loopback that counts what it sends."""
import libtorrent as lt

from support.harness import free_port


def session(endpoint, **settings):
    return lt.session({
        "listen_interfaces": endpoint,
        "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
        "enable_incoming_utp": False, "enable_outgoing_utp": False,
        "allow_multiple_connections_per_ip": True,
        "alert_mask": 0,
        **settings,
    })


class Peer:
    """Seeds the torrent if its content lies in save_path, else downloads it there."""

    def __init__(self, test, torrent, save_path, port=None, upload_limit=0, **settings):
        self.test = test
        self.port = port or free_port()
        self.session = session(test.at(self.port), **settings)
        self.handle = self.session.add_torrent({"ti": lt.torrent_info(str(torrent)), "save_path": str(save_path)})
        self.handle.unset_flags(lt.torrent_flags.auto_managed)
        self.handle.resume()
        if upload_limit:
            self.handle.set_upload_limit(upload_limit)
        test.addCleanup(self.stop)

    def wait_for_seeding(self, seconds=30):
        self.test.wait_for(lambda: self.handle.status().is_seeding, "seeding libtorrent", seconds)
        return self

    def connect(self, port):
        self.handle.connect_peer((self.test.here, port))

    def uploaded(self):
        return self.handle.status().total_payload_upload

    def stop(self):
        """Closes all its connections and its port."""
        if self.session is None:
            return
        self.session.pause()
        self.session.remove_torrent(self.handle)
        self.session = self.handle = None  # waits for its end
