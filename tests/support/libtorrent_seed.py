"""A libtorrent seed as a program of its own, such as behind a NAT: PORT TORRENT FOLDER PEER_HOST PEER_PORT. Over uTP
alone. Prints its state, and runs until it is ended."""
import sys
import time

import libtorrent as lt

port, torrent, folder, host, peer_port = sys.argv[1:]
session = lt.session({
    "listen_interfaces": f"0.0.0.0:{port}",
    "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
    "enable_incoming_tcp": False, "enable_outgoing_tcp": False,
    "close_redundant_connections": False, "alert_mask": 0,
})
handle = session.add_torrent({"ti": lt.torrent_info(torrent), "save_path": folder})
handle.unset_flags(lt.torrent_flags.auto_managed)
handle.resume()
while not handle.status().is_seeding:
    time.sleep(0.1)
handle.connect_peer((host, int(peer_port)))
while True:
    print("peers:", sorted(f"{peer.ip[0]}:{peer.ip[1]}" for peer in handle.get_peer_info()), flush=True)
    time.sleep(0.5)
