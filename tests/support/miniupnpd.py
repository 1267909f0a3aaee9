"""A home router with miniupnpd: NAT for IPv4, a firewall for both families, and the world beyond."""
import json
import os
import subprocess
import sys
from pathlib import Path

from support.machine import Machine, run

PROGRAMS = "miniupnpd", "nft"
OURS, ROUTER, OUTSIDE, WORLD = "10.77.0.2", "10.77.0.1", "8.8.4.4", "8.8.4.1"  # miniupnpd wants a public one
OURS_V6, ROUTER_V6, OUTSIDE_V6, WORLD_V6 = "2001:db8:77::2", "2001:db8:77::1", "2001:db8:88::1", "2001:db8:88::9"
LINK_LOCAL = "fe80::1"  # the router's, by which hosts know it

RULES = """
table inet filter {
  chain miniupnpd { }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
  chain input { type filter hook input priority 0; }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "router-far" accept
    jump miniupnpd
  }
  chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd; }
}
"""

CONFIGURATION = """
ext_ifname=wan
listening_ip=router-far
http_port=5000
enable_natpmp={pcp}
enable_upnp={upnp}
secure_mode=yes
uuid=00000000-0000-0000-0000-000000000001
lease_file={folder}/leases
upnp_table_name=filter
upnp_nat_table_name=filter
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
allow 1024-65535 10.77.0.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
"""

VISITOR = """
import socket, sys
address, port, info_hash = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])
try:
    with socket.create_connection((address, port), 1) as peer:
        peer.sendall(b"\\x13BitTorrent protocol" + bytes(8) + info_hash + b"-XX0000-" + bytes(12))
        if info_hash in peer.recv(68, socket.MSG_WAITALL): print("tcp")
except OSError: pass
with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as node:
    node.settimeout(1)
    node.connect((address, port))
    try:
        node.send(b"d1:ad2:id20:" + b"i" * 20 + b"e1:q4:ping1:t2:aa1:y1:qe")
        if b"1:t2:aa" in node.recv(2000): print("udp")
    except OSError: pass
"""


class HomeRouter:
    """Our namespace is the home. Ends with the test."""

    def __init__(self, test):
        self.test = test
        self.machine = Machine(test, "router", f"{OURS}/24", f"{ROUTER}/24")
        world = test.start(["unshare", "--net", "sleep", "infinity"])
        self.world = ["nsenter", f"--net=/proc/{world.pid}/ns/net"]
        here = os.readlink("/proc/self/ns/net")
        test.wait_for(lambda: os.readlink(f"/proc/{world.pid}/ns/net") != here, "namespace")
        there = self.machine.words
        run(*there("ip", "link", "add", "wan", "type", "veth", "peer", "name", "far", "netns", str(world.pid)))
        self.give("router", [], f"{OURS_V6}/64", "fe80::2/64")
        self.give("router-far", there(), f"{ROUTER_V6}/64", f"{LINK_LOCAL}/64")
        self.give("wan", there(), f"{OUTSIDE}/24", f"{OUTSIDE_V6}/64")
        self.give("far", self.world, f"{WORLD}/24", f"{WORLD_V6}/64")
        run("ip", "route", "add", "default", "via", ROUTER)
        run("ip", "-6", "route", "add", "default", "via", LINK_LOCAL, "dev", "router")
        run(*there("ip", "route", "add", "default", "via", WORLD))
        run(*there("ip", "-6", "route", "add", "default", "via", WORLD_V6))
        run(*self.world, "ip", "-6", "route", "add", "default", "via", OUTSIDE_V6)
        for name in "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding":
            run(*there("sh", "-c", f"echo 1 > /proc/sys/{name}"))
        rules = test.folder / "rules.nft"
        rules.write_text(RULES)
        run(*there("nft", "-f", rules))

    @staticmethod
    def give(device, words, *addresses):
        for address in addresses:
            run(*words, "ip", "address", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
        run(*words, "ip", "link", "set", device, "up")

    def start(self, pcp=True, upnp=True):
        """Starts miniupnpd, which speaks PCP, NAT-PMP with it, and UPnP."""
        if not pcp:  # it goes on to answer over IPv6
            run(*self.machine.words("nft", "add", "rule", "inet", "filter", "input", "udp", "dport", "5351", "drop"))
        configuration = self.test.folder / "miniupnpd.conf"
        configuration.write_text(CONFIGURATION.format(
            folder=self.test.folder, pcp="yes" if pcp else "no", upnp="yes" if upnp else "no"))
        self.process = self.test.start(self.machine.words(
            "miniupnpd", "-d", "-f", configuration, "-P", self.test.folder / "miniupnpd.pid"))
        self.test.wait_for(lambda: "HTTP listening" in self.log() if upnp else "Listening for" in self.log(),
                           "miniupnpd", 10)

    def log(self):
        return Path(self.process.output).read_text(errors="replace")

    def rules(self):
        """The rules that miniupnpd has made, of all chains."""
        words = self.machine.words("nft", "-j", "list", "ruleset")
        listed = json.loads(subprocess.run(words, check=True, capture_output=True, timeout=10).stdout)["nftables"]
        return [entry["rule"] for entry in listed if "miniupnpd" in entry.get("rule", {}).get("chain", "")]

    def reached(self, address, port, info_hash):
        """What answers the world at that address: a set of "tcp" (a peer with the torrent) and "udp" (a DHT node)."""
        words = [*self.world, sys.executable, "-B", "-c", VISITOR, address, str(port), info_hash]
        return set(subprocess.run(words, check=True, capture_output=True, timeout=10, text=True).stdout.split())
