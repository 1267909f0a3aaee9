"""A DHT of libtorrent sessions on loopback, each at an address of its own."""
import warnings

import libtorrent as lt

from support.harness import free_port
from support.libtorrent_peer import session

# Else libtorrent takes one node of an address only, and none of a private network.
OPEN = {
    "enable_dht": True, "dht_bootstrap_nodes": "", "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False,
    "dht_ignore_dark_internet": False, "dht_prefer_verified_node_ids": False,
}


class Dht:
    def __init__(self, test, count=12, address="127.0.0.{}", port=None):
        port = port or free_port()
        self.endpoints = [(address.format(i + 2), port) for i in range(count)]
        bracket = "[{}]:{}" if ":" in address else "{}:{}"
        self.router = bracket.format(*self.endpoints[0])
        self.nodes = [session(bracket.format(host, port), **OPEN)
                      for host, port in self.endpoints]
        test.addCleanup(self.nodes.clear)
        # Each knows a few others, and finds the rest.
        for step in (1, 2, 5):
            for i, node in enumerate(self.nodes):
                node.add_dht_node(self.endpoints[(i + step) % count])
        warnings.simplefilter("ignore", DeprecationWarning)  # status() is the plain way to dht_nodes
        test.wait_for(lambda: min(node.status().dht_nodes for node in self.nodes) >= min(8, count - 1), "DHT", 30)


def magnet(torrent):
    """The name alone, as what is known of a torrent."""
    return f"magnet:?xt=urn:btih:{lt.torrent_info(str(torrent)).info_hash()}"
