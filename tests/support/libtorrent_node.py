"""A libtorrent peer as a program of its own, on another machine: PORT TORRENT FOLDER [PEER_HOST PEER_PORT]. Without a
peer it is a relay, which wants none of the content; else it has it, and seeds. Over uTP alone: it finds the peers that it
is asked for by the ports of their connections. Prints its peers, and runs until it is ended."""
import sys
import time

import libtorrent as lt

port, torrent, folder, *peer = sys.argv[1:]
session = lt.session({
    "listen_interfaces": f"0.0.0.0:{port}",
    "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
    "enable_incoming_tcp": False, "enable_outgoing_tcp": False,
    "close_redundant_connections": False, "alert_mask": 0,
})
handle = session.add_torrent({"ti": lt.torrent_info(torrent), "save_path": folder})
handle.unset_flags(lt.torrent_flags.auto_managed)
if not peer:
    handle.prioritize_files([0])
handle.resume()
if peer:
    while not handle.status().is_seeding:
        time.sleep(0.1)
    handle.connect_peer((peer[0], int(peer[1])))
while True:
    print("peers:", sorted(f"{peer.ip[0]}:{peer.ip[1]}" for peer in handle.get_peer_info()), flush=True)
    time.sleep(0.5)
