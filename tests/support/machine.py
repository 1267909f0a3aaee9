"""Other machines: network namespaces, each at the end of a cable of its own."""
import ctypes
import os
import subprocess
import threading
from pathlib import Path

CLONE_NEWNET = 0x40000000


def run(*words):
    subprocess.run(words, check=True, capture_output=True, timeout=10)


class Machine:
    """Ends with the test. Our end of the cable bears its name; the addresses are ADDRESS/LENGTH."""

    def __init__(self, test, name, ours, theirs):
        process = test.start(["unshare", "--net", "sleep", "infinity"])
        self.namespace = Path(f"/proc/{process.pid}/ns/net")
        here = Path("/proc/self/ns/net").readlink()
        test.wait_for(lambda: self.namespace.readlink() != here, "namespace")
        far = f"{name}-far"
        run("ip", "link", "add", name, "type", "veth", "peer", "name", far, "netns", str(process.pid))
        test.addCleanup(run, "ip", "link", "delete", name)  # first: the other end would linger
        for where, device, address in ([], name, ours), (self.words(), far, theirs):
            run(*where, "ip", "address", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
            run(*where, "ip", "link", "set", device, "up")
        run(*self.words("ip", "link", "set", "lo", "up"))

    def words(self, *command):
        """What runs the command there."""
        return ["nsenter", f"--net={self.namespace}", *command]

    def make(self, construct):
        """What construct() returns, with the sockets that it makes being that machine's."""
        made = []

        def run_there():
            there = os.open(self.namespace, os.O_RDONLY)
            if ctypes.CDLL(None, use_errno=True).setns(there, CLONE_NEWNET) == 0:
                made.append(construct())
            os.close(there)
        thread = threading.Thread(target=run_there)  # the namespace is the thread's
        thread.start()
        thread.join()
        return made[0]

class BehindNat:
    """A machine with a NAT before it: two more namespaces. Packets to it pass once it has sent some to their sender, to
    that port (endpoint-dependent filtering). The NAT keeps ports, unless `symmetric`: then each peer sees another one."""

    def __init__(self, test, name, gateway, outside, symmetric=False):
        """The NAT's cable leads here: `gateway` is our address, `outside` the NAT's, each ADDRESS/LENGTH."""
        self.outside = outside.split("/")[0]
        self.nat = Machine(test, name, gateway, outside)
        self.inside = test.start(["unshare", "--net", "sleep", "infinity"])
        self.namespace = Path(f"/proc/{self.inside.pid}/ns/net")
        here = Path("/proc/self/ns/net").readlink()
        test.wait_for(lambda: self.namespace.readlink() != here, "namespace")
        run(*self.nat.words("ip", "link", "add", "lan", "type", "veth", "peer", "name", "eth0", "netns", str(self.inside.pid)))
        run(*self.nat.words("ip", "address", "add", "192.168.1.1/24", "dev", "lan"))
        run(*self.nat.words("ip", "link", "set", "lan", "up"))
        run(*self.nat.words("ip", "route", "add", "default", "via", gateway.split("/")[0]))
        run(*self.words("ip", "link", "set", "lo", "up"))
        run(*self.words("ip", "address", "add", "192.168.1.2/24", "dev", "eth0"))
        run(*self.words("ip", "link", "set", "eth0", "up"))
        run(*self.words("ip", "route", "add", "default", "via", "192.168.1.1"))
        forward(self.nat.words())
        how = "masquerade fully-random" if symmetric else "masquerade"
        rules = f"""
            table ip nat {{
                chain out {{
                    type nat hook postrouting priority srcnat;
                    oifname "{name}-far" {how}
                }}
            }}
            table ip filter {{
                chain forwarded {{
                    type filter hook forward priority 0;
                    iifname "{name}-far" ct state new drop
                }}
                chain arriving {{
                    type filter hook input priority 0;
                    iifname "{name}-far" ct state new drop
                }}
            }}
        """
        subprocess.run(self.nat.words("nft", "-f", "-"), input=rules, text=True, check=True, capture_output=True, timeout=10)

    def words(self, *command):
        """What runs the command behind the NAT."""
        return ["nsenter", f"--net={self.namespace}", *command]


def forward(words=()):
    """Lets that namespace, or this one, pass packets on between its cables."""
    run(*words, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
